package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kind is a type of values: how they are written, read, printed and bounded.
type kind[T any] struct {
	noun   string                   // for the reference, e.g. "duration, at least 1s"
	parse  func(raw any) (T, error) // raw is a string, or what a TOML or YAML file had
	format func(T) string           // the inverse of parse
}

// asText gives the text of a value that is written as text; a list or a table is not.
func asText(raw any, example string) (string, error) {
	if s, ok := raw.(string); ok {
		return strings.TrimSpace(s), nil
	}
	return "", fmt.Errorf("must be text, for example %q", example)
}

// text is any text that passes check.
func text(noun, example string, check func(string) error) kind[string] {
	return kind[string]{
		noun: noun,
		parse: func(raw any) (string, error) {
			s, err := asText(raw, example)
			if err == nil && check != nil {
				err = check(s)
			}
			return s, err
		},
		format: strconv.Quote,
	}
}

// choice is one of a few words.
func choice(words ...string) kind[string] {
	noun := "`" + strings.Join(words, "`, `") + "`"
	return text(noun, words[0], func(s string) error {
		if slices.Contains(words, s) {
			return nil
		}
		return fmt.Errorf("must be one of %s", strings.Join(words, ", "))
	})
}

// boolean is true or false.
func boolean() kind[bool] {
	return kind[bool]{
		noun: "`true`, `false`",
		parse: func(raw any) (bool, error) {
			switch v := raw.(type) {
			case bool:
				return v, nil
			case string:
				if b, err := strconv.ParseBool(strings.TrimSpace(v)); err == nil {
					return b, nil
				}
			}
			return false, errors.New("must be true or false")
		},
		format: strconv.FormatBool,
	}
}

// integer is a whole number in [least, most].
func integer[T int | int64](least, most T) kind[T] {
	return kind[T]{
		noun: fmt.Sprintf("number, %d to %d", least, most),
		parse: func(raw any) (T, error) {
			n, ok := wholeNumber(raw)
			if !ok {
				return 0, errors.New("must be a whole number")
			}
			if n < int64(least) || n > int64(most) {
				return 0, fmt.Errorf("must be from %d to %d", least, most)
			}
			return T(n), nil
		},
		format: func(n T) string { return strconv.FormatInt(int64(n), 10) },
	}
}

// wholeNumber reads what a file's integer or a text may say; 1e8 is a whole number too.
func wholeNumber(raw any) (int64, bool) {
	const exact = 1 << 53 // above it a float no longer holds every whole number
	switch v := raw.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case uint64:
		return int64(v), v <= math.MaxInt64
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) <= exact
	case string:
		v = strings.TrimSpace(v)
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return n, true
		}
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			return wholeNumber(f)
		}
	}
	return 0, false
}

// duration is a span of time of at least least, written with its unit.
func duration(least time.Duration) kind[time.Duration] {
	return kind[time.Duration]{
		noun: "duration, at least `" + formatDuration(least) + "`",
		parse: func(raw any) (time.Duration, error) {
			s, ok := raw.(string)
			d, err := time.ParseDuration(strings.TrimSpace(s))
			switch {
			case !ok || err != nil:
				return 0, errors.New(`must be a duration with its unit, for example "30s", "10m" or "720h"`)
			case d < least:
				return 0, fmt.Errorf("must be at least %s", formatDuration(least))
			}
			return d, nil
		},
		format: func(d time.Duration) string { return strconv.Quote(formatDuration(d)) },
	}
}

// formatDuration is d without the zero units at its end: 720h, not 720h0m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// The binary units of sizes.
const (
	kib int64 = 1 << 10
	mib int64 = 1 << 20
	gib int64 = 1 << 30
	tib int64 = 1 << 40
)

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"TiB", tib}, {"GiB", gib}, {"MiB", mib}, {"KiB", kib}, {"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1}}

// size is a number of bytes in [least, most].
func size(least, most int64) kind[int64] {
	return kind[int64]{
		noun: "size, `" + formatSize(least) + "` to `" + formatSize(most) + "`",
		parse: func(raw any) (int64, error) {
			n, err := parseSize(raw)
			if err == nil && (n < least || n > most) {
				err = fmt.Errorf("must be from %s to %s", formatSize(least), formatSize(most))
			}
			return n, err
		},
		format: func(n int64) string { return strconv.Quote(formatSize(n)) },
	}
}

// parseSize reads a number with a unit, or a bare number of bytes.
func parseSize(raw any) (int64, error) {
	if n, ok := wholeNumber(raw); ok {
		return n, nil
	}
	wrong := errors.New(`must be a size in bytes, for example "64MiB", "1GiB" or 1048576`)
	s, ok := raw.(string)
	if !ok {
		return 0, wrong
	}
	s = strings.TrimSpace(s)
	for _, u := range sizeUnits {
		number, found := strings.CutSuffix(s, u.name)
		if !found {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		bytes := f * float64(u.bytes)
		if err != nil || bytes != math.Trunc(bytes) || math.Abs(bytes) >= math.MaxInt64 {
			return 0, wrong
		}
		return int64(bytes), nil
	}
	return 0, wrong
}

// formatSize is n in the largest binary unit that divides it.
func formatSize(n int64) string {
	for _, u := range sizeUnits[:4] {
		if n != 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

// list is any number of texts, each of which passes check: a list in a file, separated by commas elsewhere.
func list(noun, example string, check func(string) error) kind[[]string] {
	return kind[[]string]{
		noun: "list of " + noun,
		parse: func(raw any) ([]string, error) {
			var items []any
			switch v := raw.(type) {
			case []any:
				items = v
			case string:
				if strings.TrimSpace(v) != "" {
					for _, item := range strings.Split(v, ",") {
						items = append(items, item)
					}
				}
			default:
				return nil, fmt.Errorf("must be a list of texts, for example [%q]", example)
			}
			out := make([]string, 0, len(items))
			for _, item := range items {
				s, err := asText(item, example)
				switch {
				case err != nil:
					return nil, err
				case s == "":
					return nil, errors.New("must not have empty items")
				}
				if check != nil {
					if err := check(s); err != nil {
						return nil, err
					}
				}
				out = append(out, s)
			}
			return out, nil
		},
		format: func(items []string) string {
			quoted := make([]string, len(items))
			for i, item := range items {
				quoted[i] = strconv.Quote(item)
			}
			return "[" + strings.Join(quoted, ", ") + "]"
		},
	}
}
