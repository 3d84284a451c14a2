package guest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The kinds of events that are delivered to code or sent as commands: the field numbers of aion.v1.HistoryEvent.
const (
	kindStarted                 = 10
	kindCompleted               = 11
	kindFailed                  = 12
	kindCanceled                = 13
	kindContinuedAsNew          = 16
	kindCancelRequested         = 17
	kindSearchAttributes        = 25
	kindActivityScheduled       = 30
	kindActivityCompleted       = 33
	kindActivityFailed          = 34
	kindActivityTimedOut        = 35
	kindActivityCancelRequested = 36
	kindActivityCanceled        = 37
	kindTimerStarted            = 40
	kindTimerFired              = 41
	kindTimerCanceled           = 42
	kindSignalReceived          = 50
	kindUpdateAccepted          = 60
	kindUpdateCompleted         = 61
	kindSignalSendRequested     = 51
	kindSignalSendFailed        = 53
	kindCancelSendRequested     = 54
	kindCancelSendFailed        = 56
	kindChildStartRequested     = 70
	kindChildStarted            = 71
	kindChildStartFailed        = 72
	kindChildFailed             = 74
	kindChildCanceled           = 75
	kindChildTerminated         = 76
	kindChildTimedOut           = 77
	kindChildCancelRequested    = 78
	kindForked                  = 23
)

// event is a delivered event; which fields are set depends on its kind. It keeps no reference to the bytes it was read from.
type event struct {
	kind    int
	seq     uint32
	ordinal uint32
	attempt uint32
	id      string   // of an update
	name    string   // signal's or update's name, cancel's reason
	payload Payload  // result, details, signal's input
	failure *Failure // of the activity; for a timeout that of the attempt before
	timeout TimeoutKind
	started *started

	workflowID, runID, reason string // of an event about another workflow
	seed                      []byte // of a fork
}

// started is what the code needs of aion.v1.Started.
type started struct {
	info  Info
	input Payload
	seed  []byte
}

// decodeEvent reads one aion.v1.HistoryEvent.
func decodeEvent(b []byte) (event, error) {
	d := decoder{rest: b}
	var e event
	var body []byte
	for d.next() {
		if d.num == 1 {
			e.seq = d.uint32()
		}
		if d.num < 10 {
			continue // not the time: the activation's clock is what the code sees
		}
		if e.kind != 0 && d.err == nil {
			d.err = errors.New("an event with two kinds")
		}
		e.kind, body = d.num, d.bytes()
	}
	if d.err == nil {
		d.err = e.decodeAttributes(body)
	}
	if d.err != nil {
		return e, fmt.Errorf("event of kind %d: %w", e.kind, d.err)
	}
	return e, nil
}

func (e *event) decodeAttributes(b []byte) (err error) {
	d := decoder{rest: b}
	switch e.kind {
	case kindStarted:
		e.started, err = decodeStarted(b)
		return err
	case kindCancelRequested:
		for d.next() {
			if d.num == 1 {
				e.name = d.string()
			}
		}
	case kindSignalReceived:
		for d.next() {
			switch d.num {
			case 1:
				e.name = d.string()
			case 2:
				e.payload, err = decodePayload(d.bytes())
				d.nested(err)
			}
		}
	case kindUpdateAccepted:
		for d.next() {
			switch d.num {
			case 1:
				e.id = d.string()
			case 2:
				e.name = d.string()
			case 3:
				e.payload, err = decodePayload(d.bytes())
				d.nested(err)
			}
		}
	case kindForked:
		for d.next() {
			if d.num == 7 {
				e.seed = append([]byte(nil), d.bytes()...)
			}
		}
	case kindTimerFired, kindTimerCanceled:
		for d.next() {
			if d.num == 1 {
				e.ordinal = d.uint32()
			}
		}
	case kindActivityCompleted, kindActivityFailed, kindActivityTimedOut, kindActivityCanceled:
		e.decodeOutcome(&d)
	default:
		if between(e.kind) {
			e.decodeBetween(&d)
			break
		}
		return errors.New("this SDK does not know the kind; build the package with a newer one")
	}
	return d.err
}

func (e *event) decodeOutcome(d *decoder) {
	for d.next() {
		var err error
		switch {
		case d.num == 1:
			e.ordinal = d.uint32()
		case d.num == 2:
			e.attempt = d.uint32()
		case d.num == 3 && e.kind == kindActivityTimedOut:
			e.timeout = TimeoutKind(min(d.uint(), 255))
		case d.num == 3 && e.kind == kindActivityFailed:
			e.failure, err = decodeFailure(d.bytes(), 1)
		case d.num == 3:
			e.payload, err = decodePayload(d.bytes())
		case d.num == 4 && e.kind == kindActivityTimedOut:
			e.failure, err = decodeFailure(d.bytes(), 1)
		}
		d.nested(err)
	}
}

func decodeStarted(b []byte) (*started, error) {
	d := decoder{rest: b}
	s := &started{}
	for d.next() {
		switch d.num {
		case 1:
			s.info.Namespace = d.string()
		case 2:
			s.info.WorkflowID = d.string()
		case 3:
			s.info.RunID = d.string()
		case 4:
			s.info.WorkflowType = d.string()
		case 5:
			var err error
			s.input, err = decodePayload(d.bytes())
			d.nested(err)
		case 6:
			s.info.TaskQueue = d.string()
		case 8:
			s.seed = bytes.Clone(d.bytes())
		case 12:
			var err error
			s.info.RunTimeout, err = decodeDuration(d.bytes())
			d.nested(err)
		case 33:
			s.info.Attempt = d.uint32()
		case 14:
			s.info.header = d.entry(s.info.header)
		case 20:
			s.info.Parent = decodeParent(d.bytes())
		case 21:
			s.info.ContinuedRunID = d.string()
		case 22:
			s.info.FirstRunID = d.string()
		}
	}
	if s.info.FirstRunID == "" {
		s.info.FirstRunID = s.info.RunID
	}
	s.info.Attempt = max(s.info.Attempt, 1)
	if d.err == nil && len(s.seed) != 32 {
		d.err = fmt.Errorf("the seed has %d bytes instead of 32", len(s.seed))
	}
	return s, d.err
}

func decodeDuration(b []byte) (time.Duration, error) {
	d := decoder{rest: b}
	var sec, nsec int64
	for d.next() {
		switch d.num {
		case 1:
			sec = int64(d.uint())
		case 2:
			nsec = int64(int32(d.uint()))
		}
	}
	const limit, rest = int64(1<<63-1) / int64(time.Second), int64(1<<63-1) % int64(time.Second)
	if d.err == nil && (sec > limit || sec < -limit || nsec <= -1e9 || nsec >= 1e9 || sec == limit && nsec > rest || sec == -limit && nsec < -rest) {
		d.err = errors.New("a duration is out of range")
	}
	return time.Duration(sec)*time.Second + time.Duration(nsec), d.err
}

// appendDuration writes a google.protobuf.Duration; zero is not written.
func appendDuration(b []byte, num int, v time.Duration) []byte {
	if v == 0 {
		return b
	}
	b, mark := openMessage(b, num)
	b = appendUint(b, 1, uint64(int64(v/time.Second)))
	b = appendUint(b, 2, uint64(int64(v%time.Second)))
	return closeMessage(b, mark)
}

// A command is an event without seq and time, inside field 1 of the ActivationResult.

// openCommand begins a command of a kind; both marks go to closeCommand.
func openCommand(b []byte, kind int) (out []byte, outer, inner int) {
	b, outer = openMessage(b, 1)
	b, inner = openMessage(b, kind)
	return b, outer, inner
}

func closeCommand(b []byte, outer, inner int) []byte {
	return closeMessage(closeMessage(b, inner), outer)
}

// appendOrdinalCommand writes a command that has only an ordinal.
func appendOrdinalCommand(b []byte, kind int, ordinal uint32) []byte {
	b, o, i := openCommand(b, kind)
	b = appendUint(b, 1, uint64(ordinal))
	return closeCommand(b, o, i)
}

func appendTimerStarted(b []byte, ordinal uint32, delay time.Duration) []byte {
	b, o, i := openCommand(b, kindTimerStarted)
	b = appendUint(b, 1, uint64(ordinal))
	b = appendDuration(b, 2, delay)
	return closeCommand(b, o, i)
}

func appendPayloadCommand(b []byte, kind int, p Payload) []byte {
	b, o, i := openCommand(b, kind)
	b = appendPayload(b, 1, p)
	return closeCommand(b, o, i)
}

func appendFailed(b []byte, f *Failure) []byte {
	b, o, i := openCommand(b, kindFailed)
	b = appendFailure(b, 1, f)
	return closeCommand(b, o, i)
}

func appendActivityScheduled(b []byte, ordinal uint32, activityType string, input Payload, opts *ActivityOptions) []byte {
	b, o, i := openCommand(b, kindActivityScheduled)
	b = appendUint(b, 1, uint64(ordinal))
	b = appendString(b, 2, strings.ToValidUTF8(activityType, "\uFFFD"))
	b = appendPayload(b, 3, input)
	b = opts.append(b, 4)
	return closeCommand(b, o, i)
}
