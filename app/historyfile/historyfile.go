// Package historyfile writes and reads exported histories: one event in JSON to a line (docs/history-files.md).
package historyfile

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/app/jsonform"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
)

// rawEvent is an event of a kind that this version does not know: its seq and time, and all of it as it is stored.
type rawEvent struct {
	Seq  uint32 `json:"seq"`
	Time string `json:"time"`
	Raw  string `json:"raw"`
}

// Line writes one event, given in the stored encoding, as a line without its end. Read gets it back whole, also where this version does
// not know its kind.
func Line(raw []byte) ([]byte, error) {
	e := &aionv1.HistoryEvent{}
	if err := proto.Unmarshal(raw, e); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "an event cannot be read")
	}
	if Attributes(e) != nil && len(e.ProtoReflect().GetUnknown()) == 0 {
		return jsonform.Marshal(e)
	}
	return json.Marshal(rawEvent{e.GetSeq(), e.GetTime().AsTime().Format(time.RFC3339Nano), base64.StdEncoding.EncodeToString(raw)})
}

// Attributes tells which attributes an event has; nil for a kind that this version does not know.
func Attributes(e *aionv1.HistoryEvent) protoreflect.FieldDescriptor {
	m := e.ProtoReflect()
	return m.WhichOneof(m.Descriptor().Oneofs().ByName("attributes"))
}

// Write writes a page of events in the stored encoding, a line for each.
func Write(w io.Writer, page []byte) error {
	for len(page) > 0 {
		raw, _, rest, err := history.Split(page)
		if err != nil {
			return err
		}
		line, err := Line(raw)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
		page = rest
	}
	return nil
}

// maxLine is more than the largest event, in base64.
const maxLine = 64 << 20

const howTo = "a history is made with: aion history WORKFLOW --export FILE"

// Read reads a file and gives its events as a page in the stored encoding; name is what its errors call it. Errors: InvalidInput, with the
// line that is no event.
func Read(r io.Reader, name string) (page []byte, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		event, err := event(lines.Bytes())
		if err != nil {
			return nil, fault.Invalidf("%s, line %d is no event: %v", name, n, err).Hinted(howTo)
		}
		page = binary.AppendUvarint(append(page, 1<<3|2), uint64(len(event)))
		page = append(page, event...)
	}
	if err := lines.Err(); err != nil {
		return nil, fault.Wrap(fault.InvalidInput, err, "%s cannot be read", name)
	}
	if len(page) == 0 {
		return nil, fault.Invalidf("%s holds no event", name).Hinted(howTo)
	}
	return page, nil
}

// event reads what Line wrote, into the stored encoding.
func event(line []byte) ([]byte, error) {
	var raw rawEvent
	if json.Unmarshal(line, &raw) == nil && raw.Raw != "" {
		b, err := base64.StdEncoding.DecodeString(raw.Raw)
		if err != nil {
			return nil, fmt.Errorf("its base64: %w", err)
		}
		return b, nil
	}
	e := &aionv1.HistoryEvent{}
	if err := jsonform.Unmarshal(line, e); err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(e)
}
