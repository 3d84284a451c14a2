package filter

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aionrun/aion/domain/fault"
)

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokName
	tokText
	tokNumber
	tokDuration
	tokSymbol
)

// token is a piece of a filter. text is what was written, or what a text means; at is where it begins, in bytes.
type token struct {
	kind tokenKind
	text string
	at   int
	span time.Duration // of a duration
}

func (t token) String() string {
	switch t.kind {
	case tokEnd:
		return "the end"
	case tokText:
		return quote(clip(t.text))
	}
	return strconv.Quote(clip(t.text))
}

func (t token) is(word string) bool { return t.kind == tokName && lower(t.text) == word }

func lower(s string) string { return strings.ToLower(s) }

func clip(s string) string {
	if len(s) <= 60 {
		return s
	}
	cut := 60
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// failAt is an error at a place of the filter, which the message gives as a column, counted in characters from 1.
func failAt(src string, at int, format string, args ...any) *fault.Error {
	column := utf8.RuneCountInString(src[:min(at, len(src))]) + 1
	e := fault.Invalidf("filter, column %d: "+format, append([]any{column}, args...)...)
	return e.With("column", strconv.Itoa(column))
}

// lex takes a filter apart.
func lex(src string) ([]token, error) {
	if len(src) > MaxBytes {
		return nil, fault.Invalidf("the filter is %d bytes long; at most %d are allowed", len(src), MaxBytes)
	}
	if !utf8.ValidString(src) {
		return nil, fault.Invalidf("the filter is not valid UTF-8")
	}
	var out []token
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case letter(c):
			end := i + 1
			for end < len(src) && (letter(src[end]) || digit(src[end])) {
				end++
			}
			out = append(out, token{kind: tokName, text: src[i:end], at: i})
			i = end
		case c == '\'':
			text, end, ok := textAt(src, i)
			if !ok {
				return nil, failAt(src, i, "this text has no end: close it with a quote; a quote inside it is written twice")
			}
			out = append(out, token{kind: tokText, text: text, at: i})
			i = end
		case digit(c) || c == '.' && i+1 < len(src) && digit(src[i+1]):
			t, end, err := numberAt(src, i)
			if err != nil {
				return nil, err
			}
			out = append(out, t)
			i = end
		case strings.HasPrefix(src[i:], "<>"):
			out = append(out, token{kind: tokSymbol, text: "!=", at: i})
			i += 2
		case strings.IndexByte("<>!", c) >= 0 && i+1 < len(src) && src[i+1] == '=':
			out = append(out, token{kind: tokSymbol, text: src[i : i+2], at: i})
			i += 2
		case strings.IndexByte("=<>(),+-", c) >= 0:
			out = append(out, token{kind: tokSymbol, text: src[i : i+1], at: i})
			i++
		case c == '"':
			return nil, failAt(src, i, "texts stand in single quotes, as in 'order'")
		default:
			r, _ := utf8.DecodeRuneInString(src[i:])
			return nil, failAt(src, i, "%q means nothing here", r)
		}
	}
	return append(out, token{kind: tokEnd, at: len(src)}), nil
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// textAt reads a quoted text that begins at i.
func textAt(src string, i int) (text string, end int, ok bool) {
	var b strings.Builder
	for i++; i < len(src); i++ {
		if src[i] != '\'' {
			b.WriteByte(src[i])
			continue
		}
		if i+1 < len(src) && src[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}

// quote writes a text as textAt reads it.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// numberAt reads a number, or a duration where a unit follows at once.
func numberAt(src string, i int) (token, int, error) {
	end := i
	for end < len(src) && (digit(src[end]) || src[end] == '.') {
		end++
	}
	if end < len(src) && (src[end] == 'e' || src[end] == 'E') {
		exp := end + 1
		if exp < len(src) && (src[exp] == '+' || src[exp] == '-') {
			exp++
		}
		if exp < len(src) && digit(src[exp]) {
			for end = exp; end < len(src) && digit(src[end]); {
				end++
			}
		}
	}
	if end == len(src) || !letter(src[end]) {
		return token{kind: tokNumber, text: src[i:end], at: i}, end, nil
	}
	for end = i; end < len(src) && (letter(src[end]) || digit(src[end]) || src[end] == '.'); {
		end++
	}
	d, ok := duration(src[i:end])
	if !ok {
		return token{}, 0, failAt(src, i, "%q is not a duration: write it like 90s, 1h30m, 7d or 2w", clip(src[i:end]))
	}
	return token{kind: tokDuration, text: src[i:end], at: i, span: d}, end, nil
}

var units = map[string]float64{"ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9, "d": 86400e9, "w": 604800e9}

// duration reads a duration such as 1h30m or 7d; a day has 24 hours.
func duration(s string) (time.Duration, bool) {
	total := 0.0
	for s != "" {
		n := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if n <= 0 {
			return 0, false
		}
		v, err := strconv.ParseFloat(s[:n], 64)
		if err != nil {
			return 0, false
		}
		s = s[n:]
		u := 0
		for u < len(s) && letter(s[u]) {
			u++
		}
		unit, ok := units[s[:u]]
		if !ok {
			return 0, false
		}
		total += v * unit
		s = s[u:]
	}
	return time.Duration(total), total <= math.MaxInt64/2
}
