package wasm

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Bounds on what a guest may answer. What is longer is cut where it is only to be read by people, and a trap where it counts.
const (
	maxAnswerBytes  = 32 << 20 // twice what a step may hold, so that the engine can name its own limit
	maxLogLines     = 1000     // of one activation
	maxLogAttrs     = 64       // of one line
	maxTextBytes    = 16 << 10 // of a log line, a key, a value, a message
	maxStackBytes   = 64 << 10 // of a guest's stack
	maxDeclarations = 10_000   // workflows, activities, signals, queries of a package, each
	maxMetadata     = 1000     // entries of a payload's metadata
)

var errWire = errors.New("is not in the protobuf wire format")

// fields calls f for each field of a message; value is set for varints, b for bytes. Other wire types are skipped.
func fields(msg []byte, f func(num protowire.Number, value uint64, b []byte) error) error {
	for len(msg) > 0 {
		num, typ, n := protowire.ConsumeTag(msg)
		if n < 0 {
			return errWire
		}
		msg = msg[n:]
		var value uint64
		var b []byte
		switch typ {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(msg)
		case protowire.BytesType:
			b, n = protowire.ConsumeBytes(msg)
		default:
			n = protowire.ConsumeFieldValue(num, typ, msg)
		}
		if n < 0 {
			return errWire
		}
		msg = msg[n:]
		if typ == protowire.VarintType || typ == protowire.BytesType {
			if err := f(num, value, b); err != nil {
				return err
			}
		}
	}
	return nil
}

func appendBytes(out []byte, num protowire.Number, b []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(out, num, protowire.BytesType), b)
}

func appendText(out []byte, num protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(out, num, protowire.BytesType), s)
}

func appendNumber(out []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(out, num, protowire.VarintType), v)
}

// appendActivation writes the guest's Activation. The stored events are field 1 of a HistoryPage; here they are field 3. Whether it is a
// replay the guest is not told: even a value that it ignores stays somewhere in its memory, which would then differ from a replay's.
func appendActivation(out []byte, a *ports.Activation) ([]byte, error) {
	out = protowire.AppendVarint(protowire.AppendTag(out, 1, protowire.VarintType), uint64(a.Now.UnixNano()))
	err := fields(a.Events, func(num protowire.Number, _ uint64, b []byte) error {
		if num == 1 {
			out = appendBytes(out, 3, b)
		}
		return nil
	})
	if err != nil {
		return out, fault.Internalf("the events of an activation are no stored history")
	}
	out = appendNumber(out, 4, uint64(a.HistoryLength))
	out = appendNumber(out, 5, uint64(a.HistoryBytes))
	if a.SuggestContinue {
		out = appendNumber(out, 6, 1)
	}
	return out, nil
}

// appendQuery writes the guest's Query. Metadata is written in order of its keys.
func appendQuery(out []byte, name string, input model.Payload) []byte {
	out = appendText(out, 1, name)
	var p []byte
	p = appendText(p, 1, input.ContentType)
	p = appendBytes(p, 2, input.Data)
	for _, e := range model.SortedEntries(input.Metadata) {
		p = appendBytes(p, 3, appendText(appendText(nil, 1, e[0]), 2, e[1]))
	}
	return appendBytes(out, 2, p)
}

// decodeActivation reads an ActivationResult out of the guest's memory and copies what it keeps. trap is what the guest reported itself.
func decodeActivation(answer []byte, live bool) (result ports.ActivationResult, trap *ports.Trap, err error) {
	dropped := 0
	err = fields(answer, func(num protowire.Number, _ uint64, b []byte) error {
		switch num {
		case 1:
			if result.Commands == nil {
				result.Commands = make([]byte, 0, len(answer))
			}
			result.Commands = appendBytes(result.Commands, 1, b)
		case 2:
			if !live {
				return nil
			}
			if len(result.Logs) == maxLogLines {
				dropped++
				return nil
			}
			line, err := decodeLog(b)
			result.Logs = append(result.Logs, line)
			return err
		case 3:
			trap = &ports.Trap{Which: ports.TrapPanic}
			return fields(b, func(num protowire.Number, _ uint64, b []byte) error {
				switch num {
				case 1:
					trap.Message = text(b, maxTextBytes)
				case 2:
					trap.Stack = text(b, maxStackBytes)
				}
				return nil
			})
		}
		return nil
	})
	if dropped > 0 {
		result.Logs = append(result.Logs, ports.LogLine{Level: 4, Message: fmt.Sprintf("%d more lines of this activation were dropped", dropped)})
	}
	return result, trap, err
}

func decodeLog(b []byte) (line ports.LogLine, err error) {
	err = fields(b, func(num protowire.Number, value uint64, b []byte) error {
		switch num {
		case 1:
			line.Level = int(int32(value))
		case 2:
			line.Message = text(b, maxTextBytes)
		case 3:
			if len(line.Attrs) >= maxLogAttrs {
				return nil
			}
			key, value, err := decodeEntry(b)
			if line.Attrs == nil {
				line.Attrs = map[string]string{}
			}
			line.Attrs[text([]byte(key), maxTextBytes)] = text([]byte(value), maxTextBytes)
			return err
		}
		return nil
	})
	return line, err
}

func decodeEntry(b []byte) (key, value string, err error) {
	err = fields(b, func(num protowire.Number, _ uint64, b []byte) error {
		switch num {
		case 1:
			key = string(b)
		case 2:
			value = string(b)
		}
		return nil
	})
	return key, value, err
}

// decodeQuery reads a QueryResult. failure is the answer's own error, err says that the answer is none.
func decodeQuery(answer []byte) (out model.Payload, failure, err error) {
	var kind uint64
	var message string
	err = fields(answer, func(num protowire.Number, value uint64, b []byte) error {
		switch num {
		case 1:
			return fields(b, func(num protowire.Number, _ uint64, b []byte) error {
				switch num {
				case 1:
					out.ContentType = text(b, maxTextBytes)
				case 2:
					out.Data = append([]byte{}, b...)
				case 3:
					key, value, err := decodeEntry(b)
					if out.Metadata == nil {
						out.Metadata = map[string]string{}
					}
					if out.Metadata[key] = value; len(out.Metadata) > maxMetadata {
						return fmt.Errorf("holds more than %d entries of metadata", maxMetadata)
					}
					return err
				}
				return nil
			})
		case 2:
			kind = value
		case 3:
			message = text(b, maxTextBytes)
		}
		return nil
	})
	switch {
	case err != nil:
		return model.Payload{}, nil, err
	case kind == 1:
		return model.Payload{}, fault.New(fault.UnknownQuery, "%s", message), nil
	case kind == 2:
		return model.Payload{}, fault.New(fault.QueryFailed, "%s", message), nil
	case kind != 0:
		return model.Payload{}, nil, fmt.Errorf("has the unknown error kind %d", kind)
	}
	return out, nil, nil
}

// decodeDescription reads a Description.
func decodeDescription(answer []byte) (info ports.ProgramInfo, err error) {
	var activities []model.ActivityType
	full := func(n int) error {
		if n >= maxDeclarations {
			return fmt.Errorf("declares more than %d of a kind", maxDeclarations)
		}
		return nil
	}
	err = fields(answer, func(num protowire.Number, _ uint64, b []byte) error {
		switch num {
		case 1:
			w, err := decodeWorkflow(b, full)
			info.Workflows = append(info.Workflows, w)
			return errors.Join(err, full(len(info.Workflows)))
		case 2:
			info.SDK = text(b, 256)
		case 3:
			activities = append(activities, model.ActivityType(b))
			return errors.Join(model.ValidateID("activity type", string(b)), full(len(activities)))
		}
		return nil
	})
	if err == nil && len(info.Workflows) == 0 {
		err = errors.New("declares no workflow")
	}
	for i := range info.Workflows {
		info.Workflows[i].Activities = activities
	}
	return info, err
}

func decodeWorkflow(b []byte, full func(int) error) (w ports.WorkflowInfo, err error) {
	err = fields(b, func(num protowire.Number, _ uint64, b []byte) error {
		switch num {
		case 1:
			w.Type = model.WorkflowType(b)
		case 2:
			w.Signals = append(w.Signals, model.SignalName(b))
			return errors.Join(model.ValidateID("signal name", string(b)), full(len(w.Signals)))
		case 3:
			w.Queries = append(w.Queries, model.QueryName(b))
			return errors.Join(model.ValidateID("query name", string(b)), full(len(w.Queries)))
		case 4:
			w.Updates = append(w.Updates, model.UpdateName(b))
			return errors.Join(model.ValidateID("update name", string(b)), full(len(w.Updates)))
		}
		return nil
	})
	return w, errors.Join(err, model.ValidateID("workflow type", string(w.Type)))
}

// text makes bytes of the guest readable: valid UTF-8, at most limit bytes.
func text(b []byte, limit int) string {
	cut := b
	if len(b) > limit {
		cut = b[:limit]
		for len(cut) > 0 && !utf8.RuneStart(b[len(cut)]) {
			cut = cut[:len(cut)-1]
		}
	}
	s := strings.ToValidUTF8(string(cut), "\ufffd")
	if len(cut) < len(b) {
		s += "…"
	}
	return s
}
