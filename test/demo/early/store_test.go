package main

import (
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// An append is acknowledged before the store beneath has it; whoever asks through the sabotaged store does not notice.
func TestEarly(t *testing.T) {
	inner := memory.New()
	s := &early{Store: inner, late: time.Hour, broke: func(err error) { t.Error(err) }}
	ctx, key := t.Context(), model.ChainKey{Namespace: "default", WorkflowID: "w"}
	run := model.RunID("r")
	bytes := []byte{1, 2, 3}
	_, err := s.Append(ctx, &ports.Append{
		Key: key, Chain: ports.Chain{Version: 1, CurrentRun: run, HeadSeq: 1},
		Runs:    []ports.Run{{ID: run, Key: key, Status: model.StatusRunning}},
		History: []ports.HistoryRow{{Run: run, First: 1, Last: 1, Bytes: bytes}},
	})
	bytes[0] = 9
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := inner.Chain(ctx, key); !fault.Has(err, fault.NotFound) {
		t.Fatalf("the store beneath has it already: %v", err)
	}
	if _, _, err := s.Chain(ctx, model.ChainKey{Namespace: "default", WorkflowID: "other"}); !fault.Has(err, fault.NotFound) {
		t.Fatal(err)
	}
	if _, _, err := inner.Chain(ctx, key); !fault.Has(err, fault.NotFound) {
		t.Fatalf("asking for another chain wrote it: %v", err)
	}
	if c, _, err := s.Chain(ctx, key); err != nil || c.Version != 1 {
		t.Fatal(c, err)
	}
	rows, err := inner.History(ctx, run, 1, 1<<20)
	if err != nil || len(rows) != 1 || rows[0].Bytes[0] != 1 {
		t.Fatal(rows, err)
	}
	if _, err := s.Append(ctx, &ports.Append{Key: key}); err == nil {
		t.Error("an append that contradicts itself was acknowledged")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
