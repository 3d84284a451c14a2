package evidence_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/test/evidence"
)

// Lines of several writers stand whole beside each other.
func TestLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), evidence.LedgerFile)
	var wg sync.WaitGroup
	for writer := range 2 {
		l, err := evidence.OpenLog[evidence.Step](path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for range 4 {
			wg.Go(func() {
				for i := range 20 {
					if err := l.Write(evidence.Step{Time: time.Now(), Workflow: "w", Activity: uint32(i), PID: writer, Phase: evidence.Begin}); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	steps, err := evidence.ReadLog[evidence.Step](path)
	if err != nil || len(steps) != 160 {
		t.Fatal(len(steps), err)
	}
	if err := os.WriteFile(path, []byte("{\"time\":\"2026"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.ReadLog[evidence.Step](path); err == nil || !strings.Contains(err.Error(), "ledger.jsonl:1") {
		t.Error(err)
	}
}

// A history comes back as it was, and its page is what the server's own decoder reads.
func TestHistory(t *testing.T) {
	dir := t.TempDir()
	at := timestamppb.New(time.Unix(1772366400, 123456789))
	events := []*aionv1.HistoryEvent{
		{Seq: 1, Time: at, Attributes: &aionv1.HistoryEvent_Started{Started: &aionv1.Started{WorkflowId: "order/7:a é", Seed: bytes.Repeat([]byte{7}, 200)}}},
		{Seq: 2, Time: at, Attributes: &aionv1.HistoryEvent_Activated{Activated: &aionv1.Activated{ThroughSeq: 1}}},
	}
	if err := evidence.WriteHistory(dir, "order/7:a é", events); err != nil {
		t.Fatal(err)
	}
	all, err := evidence.ReadHistories(dir)
	if err != nil {
		t.Fatal(err)
	}
	back := all["order/7:a é"]
	if len(back) != 2 || !proto.Equal(back[0], events[0]) || !proto.Equal(back[1], events[1]) {
		t.Fatalf("%v", all)
	}
	page, err := evidence.Page(back)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := history.DecodePage(page)
	if err != nil || len(decoded) != 2 || decoded[1].Kind() != history.KindActivated || !decoded[0].At().Equal(at.AsTime()) {
		t.Fatal(decoded, err)
	}
}
