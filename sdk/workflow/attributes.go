package workflow

import (
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/guest"
)

// AttributeType is a Go type that a search attribute can have: bool for bool; int, int64 for int; float64 for float; time.Time for datetime;
// string for keyword and text; []string for keyword_list.
type AttributeType interface {
	bool | int | int64 | float64 | string | []string | time.Time
}

// A SearchAttribute is a value by which runs are found, and which the namespace declares: aion namespace update NAME --attribute customer=keyword.
// Make it with DefineSearchAttribute, as a package variable that code and clients share.
type SearchAttribute[T AttributeType] struct{ name string }

// DefineSearchAttribute names a search attribute.
func DefineSearchAttribute[T AttributeType](name string) SearchAttribute[T] {
	return SearchAttribute[T]{name}
}

// Name is the attribute's name.
func (a SearchAttribute[T]) Name() string { return a.name }

// Is gives the attribute a value, for UpsertSearchAttributes and for starts.
func (a SearchAttribute[T]) Is(v T) AttributeValue {
	p, err := guest.Encode(v)
	return AttributeValue{a.name, p, err}
}

// Unset removes the attribute, for UpsertSearchAttributes.
func (a SearchAttribute[T]) Unset() AttributeValue { return AttributeValue{name: a.name} }

// An AttributeValue is a search attribute with a value. Make it with SearchAttribute.
type AttributeValue struct {
	name  string
	value Payload
	err   error
}

// EncodeAttributes gives values as they are recorded. Of two for one attribute the last counts. The error is that of a value that JSON does not have.
func EncodeAttributes(values ...AttributeValue) (map[string]Payload, error) {
	if len(values) == 0 {
		return nil, nil
	}
	out := make(map[string]Payload, len(values))
	for _, v := range values {
		if v.err != nil {
			return nil, fmt.Errorf("search attribute %s: %w", v.name, v.err)
		}
		out[v.name] = v.value
	}
	return out, nil
}

// UpsertSearchAttributes sets search attributes of the run; others stay as they are. Lists, counts and batch operations find the run by them
// as soon as this step of the code is recorded. A run that sets an attribute which its namespace does not declare, or declares with another type, is
// Blocked until it does. The error is that of a value that JSON does not have, such as NaN.
func UpsertSearchAttributes(ctx Context, values ...AttributeValue) error {
	all, err := EncodeAttributes(values...)
	if err != nil {
		return err
	}
	guest.UpsertSearchAttributes(ctx, all)
	return nil
}
