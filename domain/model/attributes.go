package model

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aionrun/aion/domain/fault"
)

// AttributeType is the type of a search attribute, declared once for a namespace and never changed; wire-stable.
type AttributeType uint8

// The types of search attributes. Text is found by its words, a keyword by its whole value.
const (
	AttributeUnspecified AttributeType = iota
	AttributeBool
	AttributeInt
	AttributeFloat
	AttributeDatetime
	AttributeKeyword
	AttributeKeywordList
	AttributeText
)

var attributeNames = [...]string{"unspecified", "bool", "int", "float", "datetime", "keyword", "keyword_list", "text"}

// String is the type's name: "bool", "int", "float", "datetime", "keyword", "keyword_list" or "text".
func (t AttributeType) String() string {
	if int(t) < len(attributeNames) {
		return attributeNames[t]
	}
	return attributeNames[0]
}

// AttributeTypes lists the types by name.
func AttributeTypes() []string { return slices.Clone(attributeNames[1:]) }

// ParseAttributeType is the inverse of String; ok is false for an unknown name.
func ParseAttributeType(name string) (AttributeType, bool) {
	i := slices.Index(attributeNames[:], name)
	if i <= 0 {
		return AttributeUnspecified, false
	}
	return AttributeType(i), true
}

// Bounds of search attributes, which keep a run's index entries few.
const (
	MaxAttributes        = 64   // of a run
	MaxDeclared          = 200  // of a namespace
	MaxAttributeName     = 64   // bytes
	MaxKeywordBytes      = 255  // of a keyword, or of each in a list
	MaxKeywords          = 64   // in a list
	MaxAttributeText     = 4096 // bytes
	MaxAttributeWords    = 256  // different ones in a text
	maxAttributePayload  = 64 << 10
	attributeWordMaximum = MaxKeywordBytes
)

// AttributeValue is the value of a search attribute. The zero value, of no type, means that it is not set.
type AttributeValue struct {
	Type  AttributeType
	Int   int64    // bool (0 or 1), int, datetime (unix nanoseconds)
	Float float64  // float; never NaN, never minus zero
	Text  string   // keyword, text
	List  []string // keyword list, sorted, without repetition
}

// BoolValue is the value of a bool attribute.
func BoolValue(b bool) AttributeValue {
	v := AttributeValue{Type: AttributeBool}
	if b {
		v.Int = 1
	}
	return v
}

// IntValue is the value of an int attribute.
func IntValue(n int64) AttributeValue { return AttributeValue{Type: AttributeInt, Int: n} }

// FloatValue is the value of a float attribute; f is not NaN.
func FloatValue(f float64) AttributeValue { return AttributeValue{Type: AttributeFloat, Float: f + 0} }

// TimeValue is the value of a datetime attribute. Moments outside the years 1678 to 2262 become the nearest that can be kept.
func TimeValue(t time.Time) AttributeValue {
	v := AttributeValue{Type: AttributeDatetime}
	switch first, last := time.Unix(0, math.MinInt64+1), time.Unix(0, math.MaxInt64); {
	case t.Before(first):
		v.Int = math.MinInt64 + 1
	case t.After(last):
		v.Int = math.MaxInt64
	default:
		v.Int = t.UnixNano()
	}
	return v
}

// KeywordValue is the value of a keyword attribute.
func KeywordValue(s string) AttributeValue { return AttributeValue{Type: AttributeKeyword, Text: s} }

// TextValue is the value of a text attribute.
func TextValue(s string) AttributeValue { return AttributeValue{Type: AttributeText, Text: s} }

// ListValue is the value of a keyword list.
func ListValue(words ...string) AttributeValue {
	l := slices.Clone(words)
	slices.Sort(l)
	return AttributeValue{Type: AttributeKeywordList, List: slices.Compact(l)}
}

// IsZero says that the attribute is not set.
func (v AttributeValue) IsZero() bool { return v.Type == AttributeUnspecified }

// Time is the moment of a datetime.
func (v AttributeValue) Time() time.Time { return time.Unix(0, v.Int).UTC() }

// Size is what the value counts against limits, in bytes.
func (v AttributeValue) Size() int {
	n := 16 + len(v.Text)
	for _, s := range v.List {
		n += len(s)
	}
	return n
}

// Equal compares type and value.
func (v AttributeValue) Equal(w AttributeValue) bool {
	return v.Type == w.Type && v.Int == w.Int && v.Float == w.Float && v.Text == w.Text && slices.Equal(v.List, w.List)
}

// Keys are the entries under which a value is found in an index: one, or one for each keyword of a list and each word of a text.
// Keys of one type stand in the order of their values, compared byte by byte.
func (v AttributeValue) Keys() [][]byte {
	switch v.Type {
	case AttributeUnspecified:
		return nil
	case AttributeKeywordList:
		return byteSlices(v.List)
	case AttributeText:
		if words := Words(v.Text); len(words) > 0 {
			return byteSlices(words)
		}
		return [][]byte{{}} // no word is empty: the entry says that the text is set
	}
	return [][]byte{v.Key()}
}

// Key is the index entry of a single value; a list or a text has several, see Keys.
func (v AttributeValue) Key() []byte {
	switch v.Type {
	case AttributeBool:
		return []byte{byte(v.Int)}
	case AttributeInt, AttributeDatetime:
		return binary.BigEndian.AppendUint64(nil, uint64(v.Int)^1<<63)
	case AttributeFloat:
		b := math.Float64bits(v.Float)
		if b>>63 == 1 {
			b = ^b
		} else {
			b |= 1 << 63
		}
		return binary.BigEndian.AppendUint64(nil, b)
	}
	return []byte(v.Text)
}

func byteSlices(ss []string) [][]byte {
	out := make([][]byte, len(ss))
	for i, s := range ss {
		out[i] = []byte(s)
	}
	return out
}

// Compare orders two values of the same single-valued type.
func (v AttributeValue) Compare(w AttributeValue) int {
	switch v.Type {
	case AttributeFloat:
		return cmp.Compare(v.Float, w.Float)
	case AttributeKeyword, AttributeText:
		return strings.Compare(v.Text, w.Text)
	}
	return cmp.Compare(v.Int, w.Int)
}

// Words are the different words of a text, in lower case and sorted: the longest runs of letters and digits. A word counts by its first 255 bytes.
func Words(text string) []string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
	for i, w := range words {
		if len(w) > attributeWordMaximum {
			w = w[:attributeWordMaximum]
			for !utf8.ValidString(w) {
				w = w[:len(w)-1]
			}
			words[i] = w
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// ParseAttribute reads a value of type t from a JSON payload: a boolean, an integer, a number, a moment as RFC 3339 text, a text, a list of texts.
// null, a list without texts, or a payload without data, is the zero value: not set. Errors: InvalidInput, whose message names the attribute.
func ParseAttribute(name string, t AttributeType, p Payload) (AttributeValue, error) {
	if len(p.Data) == 0 || bytes.Equal(bytes.TrimSpace(p.Data), []byte("null")) {
		return AttributeValue{}, nil
	}
	if p.ContentType != ContentTypeJSON {
		return AttributeValue{}, fault.Invalidf("search attribute %q has the content type %q; it must be %s", name, clip(p.ContentType), ContentTypeJSON)
	}
	if len(p.Data) > maxAttributePayload {
		return AttributeValue{}, fault.Invalidf("search attribute %q has %d bytes; at most %d are allowed", name, len(p.Data), maxAttributePayload)
	}
	wrong := func() (AttributeValue, error) {
		return AttributeValue{}, fault.Invalidf("search attribute %q is declared as %v, and %s is not one", name, t, clip(string(p.Data))).With("attribute", name)
	}
	v := AttributeValue{Type: t}
	var err error
	switch t {
	case AttributeBool:
		var b bool
		err = json.Unmarshal(p.Data, &b)
		v = BoolValue(b)
	case AttributeInt:
		err = json.Unmarshal(p.Data, &v.Int)
	case AttributeFloat:
		err = json.Unmarshal(p.Data, &v.Float)
		v.Float += 0
	case AttributeDatetime:
		var at time.Time
		err = json.Unmarshal(p.Data, &at)
		v = TimeValue(at)
	case AttributeKeyword, AttributeText:
		err = json.Unmarshal(p.Data, &v.Text)
	case AttributeKeywordList:
		err = json.Unmarshal(p.Data, &v.List)
		v = ListValue(v.List...)
	default:
		return wrong()
	}
	if err != nil {
		return wrong()
	}
	if t == AttributeKeywordList && len(v.List) == 0 {
		return AttributeValue{}, nil
	}
	return v, v.check(name)
}

func (v AttributeValue) check(name string) error {
	long := func(what string, n, limit int) error {
		return fault.Invalidf("search attribute %q has %s of %d bytes; at most %d are allowed", name, what, n, limit).With("attribute", name)
	}
	switch v.Type {
	case AttributeKeyword:
		if len(v.Text) > MaxKeywordBytes {
			return long("a keyword", len(v.Text), MaxKeywordBytes)
		}
	case AttributeText:
		if len(v.Text) > MaxAttributeText {
			return long("a text", len(v.Text), MaxAttributeText)
		}
		if n := len(Words(v.Text)); n > MaxAttributeWords {
			return fault.Invalidf("search attribute %q has %d different words; at most %d are allowed", name, n, MaxAttributeWords).With("attribute", name)
		}
	case AttributeKeywordList:
		if len(v.List) > MaxKeywords {
			return fault.Invalidf("search attribute %q has %d keywords; at most %d are allowed", name, len(v.List), MaxKeywords).With("attribute", name)
		}
		for _, s := range v.List {
			if len(s) > MaxKeywordBytes {
				return long("a keyword", len(s), MaxKeywordBytes)
			}
		}
	}
	return nil
}

// Payload is the value as JSON, what ParseAttribute reads; the zero value is the zero payload.
func (v AttributeValue) Payload() Payload {
	var x any
	switch v.Type {
	case AttributeUnspecified:
		return Payload{}
	case AttributeBool:
		x = v.Int != 0
	case AttributeInt:
		x = v.Int
	case AttributeFloat:
		x = v.Float
	case AttributeDatetime:
		x = v.Time()
	case AttributeKeywordList:
		x = v.List
	default:
		x = v.Text
	}
	b, err := json.Marshal(x)
	if err != nil {
		return Payload{} // none of these can fail: no value is NaN or infinite
	}
	return Payload{ContentType: ContentTypeJSON, Data: b}
}

// Attribute is a search attribute of a run.
type Attribute struct {
	Name  string
	Value AttributeValue
}

// Attributes are the search attributes of a run, in order of name.
type Attributes []Attribute

// Get gives the value of an attribute, the zero value where it is not set.
func (as Attributes) Get(name string) AttributeValue {
	if i, ok := slices.BinarySearchFunc(as, name, func(a Attribute, n string) int { return strings.Compare(a.Name, n) }); ok {
		return as[i].Value
	}
	return AttributeValue{}
}

// Set gives the attributes with one of them set, or removed where v is the zero value. as itself is not changed.
func (as Attributes) Set(name string, v AttributeValue) Attributes {
	i, found := slices.BinarySearchFunc(as, name, func(a Attribute, n string) int { return strings.Compare(a.Name, n) })
	out := slices.Clone(as)
	switch {
	case found && v.IsZero():
		return slices.Delete(out, i, i+1)
	case found:
		out[i].Value = v
	case !v.IsZero():
		return slices.Insert(out, i, Attribute{name, v})
	}
	return out
}

// ValidateAttributeName checks the name of a search attribute: a letter or '_', then letters, digits and '_', at most 64 bytes.
func ValidateAttributeName(name string) error {
	ok := name != "" && len(name) <= MaxAttributeName
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || i > 0 && c >= '0' && c <= '9'
	}
	if !ok {
		return fault.Invalidf("search attribute name %q is not valid: use a letter, then up to %d letters, digits and '_'", clip(name), MaxAttributeName-1)
	}
	return nil
}
