//go:build wasip1

package main

import (
	"fmt"
	"iter"
	"runtime/debug"
	"strconv"
)

// run is the one workflow of this instance. Its code is a coroutine that gives control back whenever it has to wait.
type run struct {
	kind    string
	in      []byte
	seed    []byte
	ordinal uint32
	out     []byte                  // the answer to this activation
	done    map[uint32][]byte       // what came back, by ordinal
	signals []signal                // not yet received
	seen    []string                // of inbox
	level   int                     // of desk
	resume  func() (struct{}, bool) // of the coroutine
	pause   func(struct{}) bool     // called inside of it
	closed  bool
	answer  func(out []byte) uint64 // how a misbehaving guest answers
}

type signal struct {
	name string
	data []byte
}

var r = &run{done: map[uint32][]byte{}}

func apply(event []byte) {
	each(event, func(kind int, _ uint64, body []byte) {
		if kind == 10 {
			r = &run{done: map[uint32][]byte{}}
		}
		var ordinal uint32
		var id, name string
		var data []byte
		each(body, func(field int, v uint64, b []byte) {
			switch {
			case kind == 10 && field == 4:
				r.kind = string(b)
			case kind == 10 && field == 5:
				r.in = payload(b)
			case kind == 10 && field == 8:
				r.seed = append([]byte(nil), b...)
			case kind == 60 && field == 1:
				id = string(b)
			case kind == 60 && field == 3:
				data = payload(b)
			case kind == 50 && field == 1:
				name = string(b)
			case kind == 50 && field == 2, kind == 33 && field == 3:
				data = payload(b)
			case (kind == 33 || kind == 41) && field == 1:
				ordinal = uint32(v)
			}
		})
		switch kind {
		case 10:
			r.resume, _ = iter.Pull(func(pause func(struct{}) bool) {
				r.pause = pause
				result := workflows[r.kind](r)
				r.command(11, putString(nil, 1, string(putPayload(result))))
				r.closed = true
			})
		case 33, 41:
			r.done[ordinal] = data
		case 60:
			n, _ := strconv.Atoi(string(data))
			r.level += n
			r.command(61, putString(putString(nil, 1, id), 2, string(putPayload([]byte(strconv.Itoa(r.level))))))
		case 50:
			r.signals = append(r.signals, signal{name, data})
		}
	})
}

// drive runs the code until it waits for something that has not come.
func drive() {
	defer func() {
		if p := recover(); p != nil && r.kind == "panic-caught" {
			text := putString(putString(nil, 1, fmt.Sprint(p)), 2, string(debug.Stack()))
			r.out = putString(nil, 3, string(text))
		} else if p != nil {
			panic(p)
		}
	}()
	for !r.closed && r.resume != nil {
		before := len(r.done) + len(r.signals)
		r.resume()
		if len(r.done)+len(r.signals) == before {
			return
		}
	}
}

func (r *run) command(kind int, body []byte) {
	r.out = putString(r.out, 1, string(putString(nil, kind, string(body))))
}

func (r *run) await(ordinal uint32) []byte {
	for {
		if v, ok := r.done[ordinal]; ok {
			delete(r.done, ordinal)
			return v
		}
		r.pause(struct{}{})
	}
}

func (r *run) activity(in []byte) uint32 {
	r.ordinal++
	b := putString(putInt(nil, 1, uint64(r.ordinal)), 2, "step")
	r.command(30, putString(b, 3, string(putPayload(in))))
	return r.ordinal
}

func (r *run) timer(seconds uint64) uint32 {
	r.ordinal++
	r.command(40, putString(putInt(nil, 1, uint64(r.ordinal)), 2, string(putInt(nil, 1, seconds))))
	return r.ordinal
}

func (r *run) signal() signal {
	for len(r.signals) == 0 {
		r.pause(struct{}{})
	}
	s := r.signals[0]
	r.signals = r.signals[1:]
	return s
}

func (r *run) log(level int, message, key, value string) {
	b := putString(putInt(nil, 1, uint64(int64(level))), 2, message)
	b = putString(b, 3, string(putString(putString(nil, 1, key), 2, value)))
	r.out = putString(r.out, 2, string(b))
}

// validate answers about an update of desk.
func (r *run) validate(name string, in []byte) []byte {
	n, err := strconv.Atoi(string(in))
	switch {
	case r.kind != "desk" || name != "raise":
		return putString(putInt(nil, 2, 1), 3, "the run handles no update "+name+"; handled are: raise")
	case err != nil:
		return putString(putString(putInt(nil, 2, 2), 3, err.Error()), 4, "aion.bad_payload")
	case r.level+n > 10:
		r.level = 1000 // on a copy
		return putString(putString(putInt(nil, 2, 2), 3, "too high"), 4, "too_high")
	}
	return nil
}
