package evidence

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"google.golang.org/protobuf/proto"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/app/jsonform"
)

// WriteHistory exports the history of a workflow into the folder of histories: an event in JSON on each line, as
// "aion history -o json" prints it.
func WriteHistory(folder, workflow string, events []*aionv1.HistoryEvent) error {
	var out bytes.Buffer
	for _, e := range events {
		line, err := jsonform.Marshal(e)
		if err != nil {
			return err
		}
		out.Write(line)
		out.WriteByte('\n')
	}
	return os.WriteFile(filepath.Join(folder, url.PathEscape(workflow)+".jsonl"), out.Bytes(), 0o644)
}

// ReadHistories reads all exported histories, by workflow ID. A folder that is not there has none.
func ReadHistories(folder string) (map[string][]*aionv1.HistoryEvent, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	if err != nil {
		return nil, err
	}
	out := make(map[string][]*aionv1.HistoryEvent, len(names))
	for _, name := range names {
		workflow, err := url.PathUnescape(strings.TrimSuffix(filepath.Base(name), ".jsonl"))
		if err != nil {
			return nil, err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var events []*aionv1.HistoryEvent
		for line := range bytes.Lines(b) {
			e := new(aionv1.HistoryEvent)
			if err := jsonform.Unmarshal(line, e); err != nil {
				return nil, fmt.Errorf("history of %s: %w", workflow, err)
			}
			events = append(events, e)
		}
		out[workflow] = events
	}
	return out, nil
}

// Page gives events in the encoding of a history page, as a store keeps it: what a replay is fed with.
func Page(events []*aionv1.HistoryEvent) ([]byte, error) {
	var page []byte
	for _, e := range events {
		b, err := proto.Marshal(e)
		if err != nil {
			return nil, err
		}
		page = append(page, 1<<3|2)
		page = binary.AppendUvarint(page, uint64(len(b)))
		page = append(page, b...)
	}
	return page, nil
}
