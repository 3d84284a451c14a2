package history

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// coder walks a message's fields in one of two directions, so that each message is described once: encoding appends the
// fields that are set, in ascending order; decoding is called once for each field found and fills the one whose number matches.
// The bytes are protobuf wire format (rule S-4).
type coder struct {
	enc bool
	b   []byte // encoding: the output; decoding: what is left of the message
	// decoding, the current field:
	num  int
	wire byte
	val  uint64
	data []byte
	hit  bool // a walk took the current field
	err  error
	deep int
}

const (
	wireVarint = 0
	wireFixed8 = 1
	wireBytes  = 2
	maxDepth   = 64
)

func (c *coder) fail(format string, a ...any) {
	if c.err == nil {
		c.err = fault.Internalf("history encoding: "+format, a...)
	}
}

// next reads one field; false at the end or on an error.
func (c *coder) next() bool {
	if c.err != nil || len(c.b) == 0 {
		return false
	}
	tag, n := binary.Uvarint(c.b)
	if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		c.fail("damaged tag")
		return false
	}
	c.b = c.b[n:]
	c.num, c.wire, c.hit = int(tag>>3), byte(tag&7), false
	switch c.wire {
	case wireVarint:
		v, n := binary.Uvarint(c.b)
		if n <= 0 {
			c.fail("damaged number in field %d", c.num)
			return false
		}
		c.val, c.b = v, c.b[n:]
	case wireFixed8:
		if len(c.b) < 8 {
			c.fail("truncated field %d", c.num)
			return false
		}
		c.val, c.b = binary.LittleEndian.Uint64(c.b), c.b[8:]
	case wireBytes:
		l, n := binary.Uvarint(c.b)
		if n <= 0 || l > uint64(len(c.b)-n) {
			c.fail("truncated field %d", c.num)
			return false
		}
		c.data, c.b = c.b[n:n+int(l)], c.b[n+int(l):]
	default:
		c.fail("wire type %d in field %d", c.wire, c.num)
		return false
	}
	return true
}

// match says whether the current field is n, of the wanted wire type.
func (c *coder) match(n int, wire byte) bool {
	if c.num != n || c.hit {
		return false
	}
	c.hit = true
	if c.wire != wire {
		c.fail("field %d has wire type %d, want %d", n, c.wire, wire)
		return false
	}
	return true
}

func (c *coder) tag(n int, wire byte) { c.b = binary.AppendUvarint(c.b, uint64(n)<<3|uint64(wire)) }

// open begins a nested message; close writes its length in front of it.
func (c *coder) open(n int) int {
	c.tag(n, wireBytes)
	c.b = append(c.b, 0)
	return len(c.b)
}

func (c *coder) close(start int) { c.b = closeLen(c.b, start) }

func closeLen(b []byte, start int) []byte {
	n := len(b) - start
	if n < 0x80 {
		b[start-1] = byte(n)
		return b
	}
	var l [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(l[:], uint64(n))
	b = append(b, l[:k-1]...)
	copy(b[start-1+k:], b[start:start+n])
	copy(b[start-1:], l[:k])
	return b
}

// sub decodes the current field's bytes as a message.
func (c *coder) sub(walk func(*coder)) {
	s := coder{b: c.data, deep: c.deep + 1}
	if s.deep > maxDepth {
		c.fail("nested deeper than %d", maxDepth)
		return
	}
	for s.next() {
		walk(&s)
		if !s.hit {
			s.fail("unknown field %d: it was written by a newer version", s.num)
		}
	}
	if s.err != nil && c.err == nil {
		c.err = s.err
	}
}

func num[T ~uint8 | ~uint32](c *coder, n int, p *T) {
	if c.enc {
		if *p != 0 {
			c.tag(n, wireVarint)
			c.b = binary.AppendUvarint(c.b, uint64(*p))
		}
		return
	}
	if c.match(n, wireVarint) {
		if *p = T(c.val); uint64(*p) != c.val {
			c.fail("field %d: %d is out of range", n, c.val)
		}
	}
}

func (c *coder) int64(n int, p *int64) {
	if c.enc {
		if *p != 0 {
			c.tag(n, wireVarint)
			c.b = binary.AppendUvarint(c.b, uint64(*p))
		}
		return
	}
	if c.match(n, wireVarint) {
		*p = int64(c.val)
	}
}

func (c *coder) int32(n int, p *int32) {
	v := int64(*p)
	c.int64(n, &v)
	*p = int32(v)
}

func (c *coder) bool(n int, p *bool) {
	if c.enc {
		if *p {
			c.tag(n, wireVarint)
			c.b = append(c.b, 1)
		}
		return
	}
	if c.match(n, wireVarint) {
		*p = c.val != 0
	}
}

func (c *coder) float(n int, p *float64) {
	if c.enc {
		if math.Float64bits(*p) != 0 { // minus zero is written, as protobuf does
			c.tag(n, wireFixed8)
			c.b = binary.LittleEndian.AppendUint64(c.b, math.Float64bits(*p))
		}
		return
	}
	if c.match(n, wireFixed8) {
		*p = math.Float64frombits(c.val)
	}
}

// str writes valid UTF-8, whatever it is given: protobuf refuses to read anything else, and what is recorded must stay readable.
func str[T ~string](c *coder, n int, p *T) {
	if c.enc {
		if *p != "" {
			c.text(n, string(*p))
		}
		return
	}
	if c.match(n, wireBytes) {
		*p = T(c.data)
	}
}

func (c *coder) text(n int, s string) {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	c.tag(n, wireBytes)
	c.b = binary.AppendUvarint(c.b, uint64(len(s)))
	c.b = append(c.b, s...)
}

// bytes keeps a slice of the input when decoding.
func (c *coder) bytes(n int, p *[]byte) {
	if c.enc {
		if len(*p) != 0 {
			c.tag(n, wireBytes)
			c.b = binary.AppendUvarint(c.b, uint64(len(*p)))
			c.b = append(c.b, *p...)
		}
		return
	}
	if c.match(n, wireBytes) {
		*p = c.data
	}
}

func (c *coder) strings(n int, p *[]string) {
	if c.enc {
		for _, s := range *p {
			c.text(n, s)
		}
		return
	}
	if c.match(n, wireBytes) {
		*p = append(*p, string(c.data))
	}
}

func (c *coder) entries(n int, p *map[string]string) {
	if c.enc {
		for _, e := range model.SortedEntries(*p) {
			at := c.open(n)
			str(c, 1, &e[0])
			str(c, 2, &e[1])
			c.close(at)
		}
		return
	}
	if c.match(n, wireBytes) {
		var e [2]string
		c.sub(func(s *coder) { str(s, 1, &e[0]); str(s, 2, &e[1]) })
		if *p == nil {
			*p = map[string]string{}
		}
		(*p)[e[0]] = e[1]
	}
}

// stamp is a google.protobuf.Timestamp or Duration, in nanoseconds.
func stamp(c *coder, n int, p *int64) {
	if c.enc {
		if *p != 0 {
			sec, ns := *p/1e9, *p%1e9
			at := c.open(n)
			c.int64(1, &sec)
			c.int64(2, &ns)
			c.close(at)
		}
		return
	}
	if c.match(n, wireBytes) {
		var sec, ns int64
		c.sub(func(s *coder) { s.int64(1, &sec); s.int64(2, &ns) })
		const limit = math.MaxInt64 / 1_000_000_000
		if sec > limit || sec < -limit || ns <= -1e9 || ns >= 1e9 || sec == limit && ns > math.MaxInt64%1_000_000_000 || sec == -limit && ns < -(math.MaxInt64%1_000_000_000) {
			c.fail("field %d: time out of range", n)
			return
		}
		*p = sec*1e9 + ns
	}
}

func duration(c *coder, n int, p *time.Duration) { stamp(c, n, (*int64)(p)) }

func (c *coder) payload(n int, p *model.Payload) {
	if c.enc {
		if !p.IsZero() {
			at := c.open(n)
			walkPayload(c, p)
			c.close(at)
		}
		return
	}
	if c.match(n, wireBytes) {
		c.sub(func(s *coder) { walkPayload(s, p) })
	}
}

func walkPayload(c *coder, p *model.Payload) {
	str(c, 1, &p.ContentType)
	c.bytes(2, &p.Data)
	c.entries(3, &p.Metadata)
}

func (c *coder) failure(n int, p **model.Failure) {
	if c.enc {
		if *p != nil {
			at := c.open(n)
			walkFailure(c, *p)
			c.close(at)
		}
		return
	}
	if c.match(n, wireBytes) {
		*p = &model.Failure{}
		c.sub(func(s *coder) { walkFailure(s, *p) })
	}
}

func walkFailure(c *coder, f *model.Failure) {
	str(c, 1, &f.Type)
	str(c, 2, &f.Message)
	c.payload(3, &f.Details)
	str(c, 4, &f.Stack)
	c.bool(5, &f.Retryable)
	c.failure(6, &f.Cause)
}

func walkRetry(c *coder, p *model.RetryPolicy) {
	duration(c, 1, &p.InitialInterval)
	c.float(2, &p.Coefficient)
	duration(c, 3, &p.MaximumInterval)
	num(c, 4, &p.MaximumAttempts)
	c.strings(5, &p.NonRetryableTypes)
}

func walkOptions(c *coder, o *model.ActivityOptions) {
	str(c, 1, &o.TaskQueue)
	duration(c, 2, &o.ScheduleToStart)
	duration(c, 3, &o.StartToClose)
	duration(c, 4, &o.ScheduleToClose)
	duration(c, 5, &o.Heartbeat)
	c.message(6, func(s *coder) { walkRetry(s, &o.Retry) })
	num(c, 7, &o.Cancellation)
	c.bool(8, &o.AtMostOnce)
	c.int32(9, &o.Priority)
	str(c, 10, &o.FairnessKey)
	str(c, 11, &o.ConcurrencyKey)
}

// message is a nested message that is left out when it encodes to nothing.
func (c *coder) message(n int, walk func(*coder)) {
	if c.enc {
		before := len(c.b)
		at := c.open(n)
		walk(c)
		if len(c.b) == at {
			c.b = c.b[:before]
			return
		}
		c.close(at)
		return
	}
	if c.match(n, wireBytes) {
		c.sub(walk)
	}
}
