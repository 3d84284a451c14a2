// Package contract turns values of the SDK into messages of the wire contract and back, for clients and workers.
package contract

import (
	"strings"
	"unicode/utf8"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/guest"
)

// maxFailureDepth bounds the chain of causes, like the server does.
const maxFailureDepth = 32

// Payload writes a value; nil for the zero Payload.
func Payload(p guest.Payload) *aionv1.Payload {
	if p.IsZero() {
		return nil
	}
	return SomePayload(p)
}

// SomePayload writes a value where nil would say something else.
func SomePayload(p guest.Payload) *aionv1.Payload {
	out := &aionv1.Payload{ContentType: text(p.ContentType), Data: p.Data, Metadata: p.Metadata}
	for k, v := range p.Metadata {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			out.Metadata = make(map[string]string, len(p.Metadata))
			for k, v := range p.Metadata {
				out.Metadata[text(k)] = text(v)
			}
			break
		}
	}
	return out
}

// ReadPayload reads a value; the zero Payload for nil.
func ReadPayload(p *aionv1.Payload) guest.Payload {
	return guest.Payload{ContentType: p.GetContentType(), Data: p.GetData(), Metadata: p.GetMetadata()}
}

// Failure writes an error; nil for nil.
func Failure(f *guest.Failure) *aionv1.Failure {
	var first *aionv1.Failure
	at := &first
	for depth := 0; f != nil && depth < maxFailureDepth; depth++ {
		*at = &aionv1.Failure{
			Type: text(f.Type), Message: text(f.Message), Details: Payload(f.Details), Stack: text(f.Stack), Retryable: f.Retryable,
		}
		at, f = &(*at).Cause, f.Cause
	}
	return first
}

// ReadFailure reads an error; nil for nil.
func ReadFailure(f *aionv1.Failure) *guest.Failure {
	var first *guest.Failure
	at := &first
	for depth := 0; f != nil && depth < maxFailureDepth; depth++ {
		*at = &guest.Failure{
			Type: f.GetType(), Message: f.GetMessage(), Details: ReadPayload(f.GetDetails()), Stack: f.GetStack(), Retryable: f.GetRetryable(),
		}
		at, f = &(*at).Cause, f.GetCause()
	}
	return first
}

// text is s as valid UTF-8, which protobuf demands.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
