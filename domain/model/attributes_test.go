package model_test

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports/filtertest"
)

// [V-1] Index entries stand in the order of their values, byte by byte, whatever the type.
func TestKeysKeepOrder(t *testing.T) {
	for _, typ := range []model.AttributeType{model.AttributeBool, model.AttributeInt, model.AttributeFloat, model.AttributeDatetime, model.AttributeKeyword} {
		rapid.Check(t, func(t *rapid.T) {
			a, b := filtertest.Value(typ, true).Draw(t, "a"), filtertest.Value(typ, true).Draw(t, "b")
			switch typ {
			case model.AttributeInt:
				a, b = model.IntValue(rapid.Int64().Draw(t, "a")), model.IntValue(rapid.Int64().Draw(t, "b"))
			case model.AttributeFloat:
				a, b = model.FloatValue(rapid.Float64().Draw(t, "a")), model.FloatValue(rapid.Float64().Draw(t, "b"))
			}
			if got, want := bytes.Compare(a.Key(), b.Key()), a.Compare(b); got != want {
				t.Fatalf("%+v against %+v: keys %d, values %d", a, b, got, want)
			}
		})
	}
}

// [SRCH-1] A value comes back from its payload as it was.
func TestAttributePayload(t *testing.T) {
	for typ := model.AttributeBool; typ <= model.AttributeText; typ++ {
		rapid.Check(t, func(t *rapid.T) {
			v := filtertest.Value(typ, false).Draw(t, "value")
			got, err := model.ParseAttribute("a", typ, v.Payload())
			if err != nil || !got.Equal(v) {
				t.Fatalf("%+v comes back as %+v, %v", v, got, err)
			}
		})
	}
	for _, none := range []string{"", "null", " null "} {
		v, err := model.ParseAttribute("a", model.AttributeInt, model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(none)})
		if err != nil || !v.IsZero() {
			t.Errorf("%q gives %+v, %v", none, v, err)
		}
	}
	long := strings.Repeat("x", 5000)
	for typ, bad := range map[model.AttributeType][]string{
		model.AttributeBool: {`1`, `"true"`}, model.AttributeInt: {`1.5`, `"1"`, `9223372036854775808`}, model.AttributeFloat: {`1e999`, `"1"`},
		model.AttributeDatetime: {`"yesterday"`, `1`}, model.AttributeKeyword: {`1`, `["a"]`, `"` + long + `"`},
		model.AttributeKeywordList: {`"a"`, `[1]`, `["` + long + `"]`}, model.AttributeText: {`1`, `"` + long + `"`}, model.AttributeUnspecified: {`1`},
	} {
		for _, text := range bad {
			if _, err := model.ParseAttribute("a", typ, model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(text)}); !fault.Has(err, fault.InvalidInput) || !strings.Contains(err.Error(), `"a"`) {
				t.Errorf("%v from %.20s: %v", typ, text, err)
			}
		}
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"": nil, "...": nil, "The parcel is LATE, again: late!": {"again", "is", "late", "parcel", "the"}, "ä1-Ö2": {"ä1", "ö2"}, "日本 語": {"日本", "語"},
		strings.Repeat("é", 200): {strings.Repeat("é", 127)},
	} {
		if got := model.Words(text); !slices.Equal(got, want) {
			t.Errorf("%.20q has the words %q, want %q", text, got, want)
		}
	}
}

func TestAttributesSet(t *testing.T) {
	var as model.Attributes
	a := as.Set("b", model.IntValue(1)).Set("a", model.IntValue(2)).Set("c", model.IntValue(3))
	b := a.Set("b", model.IntValue(9)).Set("c", model.AttributeValue{}).Set("z", model.AttributeValue{})
	if want := (model.Attributes{{Name: "a", Value: model.IntValue(2)}, {Name: "b", Value: model.IntValue(9)}}); !reflect.DeepEqual(b, want) {
		t.Errorf("%+v", b)
	}
	if a.Get("b").Int != 1 || a.Get("c").Int != 3 || !a.Get("d").IsZero() || as != nil {
		t.Errorf("%+v was changed", a)
	}
}
