package guest

import "strings"

// This file holds the messages of the guest ABI (docs/runtime-abi.md), as the guest sees them: what it is given is decoded,
// what it answers is encoded.

// ABIVersion is the version of the guest ABI that this SDK speaks.
const ABIVersion = 1

// Activate takes an encoded Activation and appends the ActivationResult to out. It keeps no reference to b.
// A message that cannot be decoded is answered with a Panic.
func (in *Instance) Activate(out, b []byte) []byte {
	d := decoder{rest: b}
	var now, bytes int64
	var length uint32
	suggest := false
	for d.next() {
		switch d.num {
		case 1:
			now = int64(d.uint())
		case 4:
			length = d.uint32()
		case 5:
			bytes = int64(d.uint())
		case 6:
			suggest = d.uint() != 0
		}
	}
	in.Begin(now)
	in.History(length, bytes, suggest)
	if d.err != nil {
		in.failText("the activation cannot be decoded: " + d.err.Error())
	}
	for d = (decoder{rest: b}); d.next(); {
		if d.num != 3 {
			continue
		}
		if e := d.bytes(); d.err == nil {
			in.Apply(e)
		}
	}
	if d.err != nil {
		in.failText("the activation cannot be decoded: " + d.err.Error())
	}
	r := in.Run()
	return r.append(out)
}

func (r *Result) append(b []byte) []byte {
	b = append(b, r.Commands...) // field 1, framed already
	for _, l := range r.Logs {
		var mark int
		b, mark = openMessage(b, 2)
		b = appendUint(b, 1, uint64(int64(l.Level)))
		b = appendString(b, 2, strings.ToValidUTF8(l.Message, "\uFFFD"))
		for _, e := range l.Attrs {
			b = appendEntry(b, 3, strings.ToValidUTF8(e.Key, "\uFFFD"), strings.ToValidUTF8(e.Value, "\uFFFD"))
		}
		b = closeMessage(b, mark)
	}
	if p := r.Panic; p != nil {
		var mark int
		b, mark = openMessage(b, 3)
		b = appendString(b, 1, strings.ToValidUTF8(p.Message, "\uFFFD"))
		b = appendString(b, 2, strings.ToValidUTF8(p.Stack, "\uFFFD"))
		b = closeMessage(b, mark)
	}
	return b
}

// Answer takes an encoded Query, which may be about an update, and appends the QueryResult to out.
func (in *Instance) Answer(out, b []byte) []byte {
	d := decoder{rest: b}
	var name string
	var input Payload
	var update bool
	for d.next() {
		switch d.num {
		case 1:
			name = d.string()
		case 2:
			var err error
			input, err = decodePayload(d.bytes())
			d.nested(err)
		case 3:
			update = d.uint() == 1
		}
	}
	if update && d.err == nil {
		v := in.ValidateUpdate(name, input)
		out = appendUint(out, 2, uint64(v.Kind))
		out = appendString(out, 3, strings.ToValidUTF8(v.Error, "\uFFFD"))
		return appendString(out, 4, strings.ToValidUTF8(v.Type, "\uFFFD"))
	}
	r := QueryResult{Kind: QueryFailed}
	if d.err != nil {
		r.Error = "the query cannot be decoded: " + d.err.Error()
	} else {
		r = in.Query(name, input)
	}
	out = appendPayload(out, 1, r.Output)
	out = appendUint(out, 2, uint64(r.Kind))
	return appendString(out, 3, strings.ToValidUTF8(r.Error, "\uFFFD"))
}

// Append writes the Description. Each workflow lists the signals, queries and updates of the whole program.
func (d *Description) Append(b []byte) []byte {
	for _, w := range d.Workflows {
		var mark int
		b, mark = openMessage(b, 1)
		b = appendString(b, 1, w)
		b = appendStrings(b, 2, d.Signals)
		b = appendStrings(b, 3, d.Queries)
		b = appendStrings(b, 4, d.Updates)
		b = closeMessage(b, mark)
	}
	b = appendString(b, 2, d.SDK)
	return appendStrings(b, 3, d.Activities)
}

func appendStrings(b []byte, num int, ss []string) []byte {
	for _, s := range ss {
		b = appendString(b, num, s)
	}
	return b
}
