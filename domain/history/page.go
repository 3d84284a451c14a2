package history

import (
	"encoding/binary"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// Event is one fact of a run. Time is in nanoseconds since 1970 UTC.
type Event struct {
	Seq  model.Seq
	Time int64
	Attr Attributes
	// Raw is the event's encoding as stored, without the page's framing; empty for events that were not decoded.
	Raw []byte
}

// At is the event's time.
func (e Event) At() time.Time { return time.Unix(0, e.Time).UTC() }

// Kind is the kind of the event's attributes.
func (e Event) Kind() Kind { return e.Attr.Kind() }

// AppendEvent appends e to a page: field 1 of a message whose repeated field 1 is HistoryEvent. A page of several steps is
// simply their concatenation.
func AppendEvent(page []byte, e *Event) []byte {
	c := coder{enc: true, b: page}
	at := c.open(1)
	num(&c, 1, &e.Seq)
	stamp(&c, 2, &e.Time)
	in := c.open(int(e.Attr.Kind()))
	e.Attr.walk(&c)
	c.close(in)
	c.close(at)
	return c.b
}

// AppendCommand appends attributes only, as a guest writes a command.
func AppendCommand(page []byte, a Attributes) []byte {
	return AppendEvent(page, &Event{Attr: a})
}

// Split takes the first framed event off a page; raw is empty at the end.
func Split(page []byte) (raw, framed, rest []byte, err error) {
	if len(page) == 0 {
		return nil, nil, nil, nil
	}
	l, n := binary.Uvarint(page[1:])
	if page[0] != 1<<3|wireBytes || n <= 0 || l == 0 || l > uint64(len(page)-1-n) {
		return nil, nil, nil, fault.Internalf("history page is damaged: bad frame")
	}
	end := 1 + n + int(l)
	return page[1+n : end], page[:end], page[end:], nil
}

// DecodePage decodes all events of a page. Their bytes are slices of it.
func DecodePage(page []byte) ([]Event, error) {
	var out []Event
	for len(page) > 0 {
		raw, _, rest, err := Split(page)
		if err != nil {
			return nil, err
		}
		e, err := DecodeEvent(raw)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
		page = rest
	}
	return out, nil
}

// DecodeEvent decodes one event. An unknown kind is an error that names it: a newer version wrote it, and this one must not touch the run.
func DecodeEvent(raw []byte) (Event, error) {
	e := Event{Raw: raw}
	c := coder{b: raw}
	for c.next() {
		switch {
		case c.num == 1:
			num(&c, 1, &e.Seq)
		case c.num == 2:
			stamp(&c, 2, &e.Time)
		case c.wire != wireBytes || c.num > 255 || !Kind(c.num).Known():
			return Event{}, fault.Internalf("event %d has the unknown kind %d: it was written by a newer version of aion; use that version or a later one", e.Seq, c.num)
		case e.Attr != nil:
			return Event{}, fault.Internalf("event %d has two kinds", e.Seq)
		default:
			e.Attr = kinds[c.num].make()
			c.sub(e.Attr.walk)
		}
	}
	if c.err != nil {
		return Event{}, c.err
	}
	if e.Attr == nil {
		return Event{}, fault.Internalf("event %d has no attributes", e.Seq)
	}
	return e, nil
}

// PeekKind tells the kind of an encoded event without decoding it; 0 when it is damaged.
func PeekKind(raw []byte) Kind {
	c := coder{b: raw}
	for c.next() {
		if c.num > 2 && c.num <= 255 {
			return Kind(c.num)
		}
	}
	return 0
}
