package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	ordersaga "github.com/aionrun/aion/examples/order-saga"
	"github.com/aionrun/aion/examples/order-saga/shop"
	"github.com/aionrun/aion/test/evidence"
)

var (
	zero   = time.Now().Add(-time.Hour)
	orders = shop.Orders()[:40]
)

func at(n int) time.Time { return zero.Add(time.Duration(n) * time.Millisecond) }

// writeFolder leaves behind what a demo leaves in which nothing went wrong. skip names an order whose refund is forgotten.
func writeFolder(t *testing.T, dir, skip string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	j, err := shop.Open(filepath.Join(dir, "shop"))
	must(err)
	defer j.Close()
	s := &shop.Shop{Journal: j}
	must(os.Mkdir(filepath.Join(dir, evidence.Histories), 0o755))
	ended, end := context.WithCancel(t.Context())
	end()
	for _, o := range orders {
		c := ordersaga.Charge{Key: "key-" + o.ID, Order: o.ID, Card: o.Card, Cents: o.Cents()}
		var r ordersaga.Receipt
		_, err := s.Reserve(ended, o)
		must(err)
		r.Cents = c.Cents
		if r.Payment, err = s.Pay(ended, c); err == nil {
			r.Parcel, err = s.Ship(ended, o)
		}
		result, _ := json.Marshal(r)
		last := &aionv1.HistoryEvent{Seq: 4, Attributes: &aionv1.HistoryEvent_Completed{Completed: &aionv1.Completed{Result: &aionv1.Payload{Data: result}}}}
		if err != nil {
			last.Attributes = &aionv1.HistoryEvent_Failed{Failed: &aionv1.Failed{Failure: &aionv1.Failure{Message: err.Error()}}}
			if o.ID != skip {
				_, err = s.Refund(ended, c)
				must(err)
			}
			_, err = s.Release(ended, o)
			must(err)
		}
		events := []*aionv1.HistoryEvent{
			{Seq: 1, Attributes: &aionv1.HistoryEvent_Started{Started: &aionv1.Started{WorkflowType: "PlaceOrder"}}},
			{Seq: 2, Attributes: &aionv1.HistoryEvent_ActivityScheduled{ActivityScheduled: &aionv1.ActivityScheduled{Ordinal: 1, ActivityType: "Reserve"}}},
			{Seq: 3, Attributes: &aionv1.HistoryEvent_ActivityCompleted{ActivityCompleted: &aionv1.ActivityCompleted{Ordinal: 1, Attempt: 1}}},
			last,
		}
		for i, e := range events {
			e.Time = timestamppb.New(at([]int{0, 0, 100, 200}[i]))
		}
		must(evidence.WriteHistory(filepath.Join(dir, evidence.Histories), o.ID, events))
		appendLines(t, filepath.Join(dir, evidence.StartsFile), evidence.Start{Time: at(1), Workflow: o.ID, Acked: true})
		appendLines(t, filepath.Join(dir, evidence.LedgerFile),
			evidence.Step{Time: at(10), Workflow: o.ID, Activity: 1, Attempt: 1, Phase: evidence.Begin},
			evidence.Step{Time: at(20), Workflow: o.ID, Activity: 1, Attempt: 1, Phase: evidence.End, Result: evidence.Digest(nil)},
			evidence.Step{Time: at(101), Workflow: o.ID, Activity: 1, Attempt: 1, Phase: evidence.Acked})
	}
	for n := range 5 {
		appendLines(t, filepath.Join(dir, evidence.KillsFile), evidence.Kill{Time: at(10 * (n + 1)), Victim: evidence.Server})
	}
	appendLines(t, filepath.Join(dir, evidence.KillsFile), evidence.Kill{Time: at(15), Victim: evidence.Worker, PID: 1}, evidence.Kill{Time: at(25), Victim: evidence.Worker, PID: 2})
}

func appendLines[T any](t *testing.T, path string, lines ...T) {
	t.Helper()
	l, err := evidence.OpenLog[T](path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, line := range lines {
		if err := l.Write(line); err != nil {
			t.Fatal(err)
		}
	}
}

func TestChecker(t *testing.T) {
	var nowhere, fine ordersaga.Order
	for _, o := range orders {
		switch {
		case o.City == shop.Nowhere:
			nowhere = o
		case shop.Fulfillable(o):
			fine = o
		}
	}
	for name, c := range map[string]struct {
		skip  string
		spoil func(dir string)
		want  func(r map[string]float64) bool
		says  string
	}{
		"sound": {want: func(r map[string]float64) bool {
			return r["lost"]+r["repeated_after_recorded"]+r["money_balance"]+r["wrong"] == 0 && r["kills"] == 7 && r["kills_with_open_runs"] == 5 &&
				r["started"] == 40 && r["completed"]+r["compensated"] == 40 && r["compensated"] > 2 && r["attempts"] == 40 && r["results_recorded"] == 40 && r["wall_s"] == 1.5
		}, says: "PASSED"},
		"a refund was forgotten": {skip: nowhere.ID, want: func(r map[string]float64) bool { return r["money_balance"] == float64(nowhere.Cents()) }, says: "are due"},
		"a start was lost": {spoil: func(dir string) {
			_ = os.Remove(filepath.Join(dir, evidence.Histories, fine.ID+".jsonl"))
		}, want: func(r map[string]float64) bool { return r["lost"] > 0 && r["money_balance"] == float64(fine.Cents()) }, says: "it has no history"},
		"a start was never acknowledged": {spoil: func(dir string) {
			_ = os.WriteFile(filepath.Join(dir, evidence.StartsFile), nil, 0o644)
		}, want: func(r map[string]float64) bool { return r["started"] == 0 && r["wrong"] == 40 }, says: "0 of 40 orders were started"},
		"run again": {spoil: func(dir string) {
			appendLines(t, filepath.Join(dir, evidence.LedgerFile), evidence.Step{Time: at(150), Workflow: fine.ID, Activity: 1, Attempt: 1, Phase: evidence.Begin})
		}, want: func(r map[string]float64) bool { return r["repeated_after_recorded"] == 1 }, says: "after its result was recorded"},
		"an order ended otherwise": {spoil: func(dir string) {
			name := filepath.Join(dir, evidence.Histories, fine.ID+".jsonl")
			b, _ := os.ReadFile(name)
			_ = os.WriteFile(name, []byte(strings.NewReplacer(`"completed":{"result"`, `"canceled":{"details"`).Replace(string(b))), 0o644)
		}, want: func(r map[string]float64) bool { return r["lost"] == 1 }, says: "ended Canceled and not Completed"},
		"another receipt": {spoil: func(dir string) {
			name := filepath.Join(dir, "shop", shop.FileName)
			b, _ := os.ReadFile(name)
			_ = os.WriteFile(name, []byte(strings.Replace(string(b), "parcel-"+fine.ID, "parcel-x", 1)), 0o644)
		}, want: func(r map[string]float64) bool { return r["wrong"] == 1 }, says: "(known: false)"},
		"too few kills": {spoil: func(dir string) {
			_ = os.WriteFile(filepath.Join(dir, evidence.KillsFile), nil, 0o644)
		}, want: func(r map[string]float64) bool { return r["kills_with_open_runs"] == 0 && r["lost"] == 0 }, says: "5 are needed"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFolder(t, dir, c.skip)
			if c.spoil != nil {
				c.spoil(dir)
			}
			b, err := shop.WriteOrders(orders)
			if err != nil {
				t.Fatal(err)
			}
			file, out := filepath.Join(dir, "orders.json"), filepath.Join(dir, "demo.json")
			if err := os.WriteFile(file, b, 0o644); err != nil {
				t.Fatal(err)
			}
			var printed strings.Builder
			ok, err := run(&printed, dir, file, out, 1.5)
			if err != nil || ok != (name == "sound") {
				t.Errorf("ok %v, %v", ok, err)
			}
			if b, err = os.ReadFile(out); err != nil {
				t.Fatal(err)
			}
			var r map[string]float64
			if err := json.Unmarshal(b, &r); err != nil || !c.want(r) {
				t.Errorf("%s, %v", b, err)
			}
			if !strings.Contains(printed.String(), c.says) {
				t.Errorf("it does not say %q:\n%s", c.says, printed.String())
			}
		})
	}
	if _, err := run(&strings.Builder{}, t.TempDir(), "no/such/file", "", 0); err == nil {
		t.Error("orders that are not there were checked")
	}
}
