package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	ordersaga "github.com/aionrun/aion/examples/order-saga"
	"github.com/aionrun/aion/examples/order-saga/shop"
	"github.com/aionrun/aion/test/evidence"
	"github.com/aionrun/aion/test/verdict"
)

// Report is what build/demo.json holds.
type Report struct {
	Started               int     `json:"started"`     // orders whose start was acknowledged
	Completed             int     `json:"completed"`   // paid and shipped
	Compensated           int     `json:"compensated"` // failed, with everything undone
	Kills                 int     `json:"kills"`       // SIGKILLs of the server and of the worker
	KillsWithOpenRuns     int     `json:"kills_with_open_runs"`
	Attempts              int     `json:"attempts"`
	ResultsRecorded       int     `json:"results_recorded"`
	Lost                  int     `json:"lost"`                    // acknowledged and not in the histories, or a run that did not end as it has to
	RepeatedAfterRecorded int     `json:"repeated_after_recorded"` // recorded twice, or run again after the result was recorded
	MoneyBalance          int64   `json:"money_balance"`           // cents by which orders are off, summed without regard to direction
	Wrong                 int     `json:"wrong"`                   // anything else that cannot be
	WallS                 float64 `json:"wall_s"`

	findings []string
	verdict  *verdict.Verdict
	books    shop.Books
}

// What a demo must have done to show anything.
const (
	wantServerKills = 5 // with runs open
	wantWorkerKills = 2
)

// ok says whether everything holds.
func (r *Report) ok() bool {
	return r.Lost == 0 && r.RepeatedAfterRecorded == 0 && r.MoneyBalance == 0 && r.Wrong == 0 && len(r.findings) == 0
}

// check compares the evidence in a folder with what the orders demand. An error means that there is nothing to compare.
func check(dir string, orders []ordersaga.Order) (*Report, error) {
	f, err := evidence.ReadFolder(dir)
	if err != nil {
		return nil, err
	}
	entries, err := shop.ReadEntries(filepath.Join(dir, "shop"))
	if err != nil {
		return nil, err
	}
	v := verdict.Judge(f)
	r := &Report{Started: v.Started, Attempts: v.Attempts, ResultsRecorded: v.ResultsRecorded, Kills: len(v.Kills), verdict: v}
	open := func(k verdict.KillPoint) bool { return k.OpenRuns > 0 }
	r.KillsWithOpenRuns = v.CountedKills(evidence.Server, open)
	lost, wrong := v.Lost, v.Wrong

	shipped := map[string]bool{}
	for _, o := range orders {
		run, want := v.Runs[o.ID], "Failed"
		if shop.Fulfillable(o) {
			want = "Completed"
		}
		switch {
		case run == nil: // told by its start
			continue
		case run.Closed.IsZero(): // told by the verdict
		case run.Status != want:
			lost = append(lost, fmt.Sprintf("%s: ended %s and not %s %s", o.ID, run.Status, want, run.Failure.GetMessage()))
		}
		switch run.Status {
		case "Completed":
			shipped[o.ID] = true
			r.Completed++
			if finding := receipt(o, run.Result, entries); finding != "" {
				wrong = append(wrong, finding)
			}
		case "Failed":
			r.Compensated++
		}
	}
	r.books = shop.Audit(entries, orders, shipped)
	r.MoneyBalance = r.books.Balance
	r.Lost, r.RepeatedAfterRecorded, r.Wrong = len(lost), len(v.Repeated), len(wrong)
	demand := func(ok bool, format string, args ...any) {
		if !ok {
			r.findings = append(r.findings, fmt.Sprintf(format, args...))
		}
	}
	demand(r.Started == len(orders), "%d of %d orders were started", r.Started, len(orders))
	demand(r.KillsWithOpenRuns >= wantServerKills, "the server was killed %d times with runs open; %d are needed", r.KillsWithOpenRuns, wantServerKills)
	workers := v.CountedKills(evidence.Worker, func(verdict.KillPoint) bool { return true })
	demand(workers >= wantWorkerKills, "the worker was killed %d times; %d are needed", workers, wantWorkerKills)
	r.findings = slices.Concat(r.findings, lost, v.Repeated, r.books.Wrong, wrong)
	return r, nil
}

// receipt holds a completed order's result against the journal; it gives what is off, "" where nothing is.
func receipt(o ordersaga.Order, result []byte, entries []shop.Entry) string {
	var r ordersaga.Receipt
	if err := json.Unmarshal(result, &r); err != nil {
		return fmt.Sprintf("%s: its receipt cannot be read: %v", o.ID, err)
	}
	if r.Cents != o.Cents() {
		return fmt.Sprintf("%s: the receipt says %d cents, not %d", o.ID, r.Cents, o.Cents())
	}
	paid, sent := false, false
	for _, e := range entries {
		if e.Order == o.ID {
			paid = paid || e.Kind == shop.Charged && e.ID == r.Payment
			sent = sent || e.Kind == shop.Shipped && e.ID == r.Parcel
		}
	}
	if !paid || !sent {
		return fmt.Sprintf("%s: the receipt names payment %q (known: %v) and parcel %q (known: %v)", o.ID, r.Payment, paid, r.Parcel, sent)
	}
	return ""
}
