package payload

import (
	"errors"
	"fmt"
	"maps"

	"github.com/aionrun/aion/sdk/guest"
)

// Opaque is a value of type T that workflow code does not look at: it takes it from a client or an activity and gives it to another. Use it as
// the whole input or result of a workflow, activity, signal, query or update. Clients and workers make it with Of and read it with
// Value; with Codecs in their options it is encoded wherever it leaves them, so that neither the server nor the workflow code sees what it is.
// The zero Opaque is no value.
type Opaque[T any] struct{ p guest.Payload }

// The metadata of opaque values.
const (
	keyOpaque      = "aion.opaque"
	keyCodec       = "aion.codec"
	keyContentType = "aion.content-type"
)

// contentTypeEncoded is the content type of what a codec wrote.
const contentTypeEncoded = "application/vnd.aion.encoded"

// Of makes an Opaque of a value. The error is that of a value that cannot be written as JSON.
func Of[T any](v T) (Opaque[T], error) {
	p, err := guest.Encode(v)
	return Opaque[T]{marked(p)}, err
}

// Value reads the value. In workflow code it gives an error where a codec has encoded it, as it does in a program that has not the codec.
func (o Opaque[T]) Value() (T, error) {
	if name := o.p.Metadata[keyCodec]; name != "" {
		var none T
		return none, fmt.Errorf("the value is encoded by the codec %q, which this code does not have; workflow code can only pass it on", name)
	}
	return guest.Decode[T](o.p)
}

// IsZero says whether there is no value.
func (o Opaque[T]) IsZero() bool { return o.p.IsZero() }

// AsPayload is how the value is stored and sent.
func (o Opaque[T]) AsPayload() (guest.Payload, error) { return o.p, nil }

// TakePayload makes o what was stored or sent.
func (o *Opaque[T]) TakePayload(p guest.Payload) error {
	o.p = marked(p)
	return nil
}

func marked(p guest.Payload) guest.Payload {
	if p.IsZero() || p.Metadata[keyOpaque] != "" {
		return p
	}
	m := maps.Clone(p.Metadata)
	if m == nil {
		m = map[string]string{}
	}
	m[keyOpaque] = "1"
	p.Metadata = m
	return p
}

var errPart = errors.New("a payload.Opaque must be a whole input or result, not a part of one: a codec would not see it")

// MarshalJSON refuses: a part of another value would be stored as it is.
func (Opaque[T]) MarshalJSON() ([]byte, error) { return nil, errPart }

// UnmarshalJSON refuses, as MarshalJSON does.
func (*Opaque[T]) UnmarshalJSON([]byte) error { return errPart }

// String says nothing of the value.
func (o Opaque[T]) String() string { return "(opaque)" }
