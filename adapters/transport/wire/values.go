package wire

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// EncodePayload gives nil for the zero payload.
func EncodePayload(p model.Payload) *aionv1.Payload {
	if p.IsZero() {
		return nil
	}
	out := &aionv1.Payload{}
	fillPayload(out, p)
	return out
}

// somePayload is EncodePayload where nil would say something else, as in a oneof.
func somePayload(p model.Payload) *aionv1.Payload {
	out := &aionv1.Payload{}
	fillPayload(out, p)
	return out
}

func fillPayload(out *aionv1.Payload, p model.Payload) {
	out.ContentType = text(p.ContentType)
	out.Data = p.Data
	out.Metadata = texts(p.Metadata)
}

// DecodePayload gives the zero payload for nil.
func DecodePayload(p *aionv1.Payload) model.Payload {
	if p == nil {
		return model.Payload{}
	}
	return model.Payload{ContentType: p.GetContentType(), Data: p.GetData(), Metadata: p.GetMetadata()}
}

// EncodeFailure gives nil for nil. Causes beyond model.MaxFailureDepth are left out.
func EncodeFailure(f *model.Failure) *aionv1.Failure {
	var first *aionv1.Failure
	at := &first
	for depth := 0; f != nil && depth < model.MaxFailureDepth; depth++ {
		*at = &aionv1.Failure{
			Type:      text(f.Type),
			Message:   text(f.Message),
			Details:   EncodePayload(f.Details),
			Stack:     text(f.Stack),
			Retryable: f.Retryable,
		}
		at, f = &(*at).Cause, f.Cause
	}
	return first
}

// DecodeFailure gives nil for nil. Causes beyond model.MaxFailureDepth are left out.
func DecodeFailure(f *aionv1.Failure) *model.Failure {
	var first *model.Failure
	at := &first
	for depth := 0; f != nil && depth < model.MaxFailureDepth; depth++ {
		*at = &model.Failure{
			Type:      f.GetType(),
			Message:   f.GetMessage(),
			Details:   DecodePayload(f.GetDetails()),
			Stack:     f.GetStack(),
			Retryable: f.GetRetryable(),
		}
		at, f = &(*at).Cause, f.GetCause()
	}
	return first
}

// EncodeTime gives nil for the zero time.
func EncodeTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// DecodeTime gives the zero time for nil.
func DecodeTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// EncodeDuration gives nil for zero.
func EncodeDuration(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

// DecodeDuration gives zero for nil, and the longest duration for one that is too long for Go. InvalidInput, naming the field,
// for one that is negative or malformed.
func DecodeDuration(field string, d *durationpb.Duration) (time.Duration, error) {
	if d == nil {
		return 0, nil
	}
	if err := d.CheckValid(); err != nil {
		return 0, fault.Wrap(fault.InvalidInput, err, "%s is not valid", field)
	}
	v := d.AsDuration()
	if v < 0 {
		return 0, fault.Invalidf("%s is negative (%v)", field, v)
	}
	return v, nil
}

// EncodeBlocked gives nil for nil. When the run was blocked does not fit in here; see DescribeWorkflowResponse.blocked_since.
func EncodeBlocked(b *ports.BlockedInfo) *aionv1.Blocked {
	if b == nil {
		return nil
	}
	return &aionv1.Blocked{
		What: text(b.What), Message: text(b.Message), AtSeq: uint32(b.AtSeq), Expected: text(b.Expected), Found: text(b.Found),
		Limit: b.Limit, Size: b.Size, Stack: text(b.Stack),
	}
}

// DecodeBlocked gives nil for nil.
func DecodeBlocked(b *aionv1.Blocked) *ports.BlockedInfo {
	if b == nil {
		return nil
	}
	return &ports.BlockedInfo{
		What: b.GetWhat(), Message: b.GetMessage(), AtSeq: model.Seq(b.GetAtSeq()), Expected: b.GetExpected(), Found: b.GetFound(),
		Limit: b.GetLimit(), Size: b.GetSize(), Stack: b.GetStack(),
	}
}

// texts is m with valid UTF-8 only; it is m itself, as nearly always, when that is so already.
func texts(m map[string]string) map[string]string {
	for k, v := range m {
		if text(k) != k || text(v) != v {
			out := make(map[string]string, len(m))
			for k, v := range m {
				out[text(k)] = text(v)
			}
			return out
		}
	}
	return m
}

// strs converts between slices of string types.
func strs[To, From ~string](in []From) []To {
	if len(in) == 0 {
		return nil
	}
	out := make([]To, len(in))
	for i, s := range in {
		out[i] = To(s)
	}
	return out
}

// count bounds a number to what uint32 holds.
func count(n int) uint32 { return uint32(min(max(n, 0), 1<<32-1)) }
