// Command checker looks at what a demo left behind: the ledger of the worker, the acknowledged starts, the kills, the books of the shop
// and the exported histories. It knows nothing of how they came about, and can be run again at any time:
//
//	go run ./test/demo/checker -dir build/demo
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/aionrun/aion/examples/order-saga/shop"
)

func main() {
	dir := flag.String("dir", "build/demo", "the folder of the evidence")
	orders := flag.String("orders", "examples/order-saga/orders.json", "the orders that were placed")
	out := flag.String("out", "", "also write the numbers to this file, as JSON")
	wall := flag.Float64("wall", 0, "how many seconds the demo took")
	flag.Parse()
	ok, err := run(os.Stdout, *dir, *orders, *out, *wall)
	if err != nil {
		fmt.Fprintln(os.Stderr, "checker:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(w io.Writer, dir, ordersFile, out string, wall float64) (bool, error) {
	b, err := os.ReadFile(ordersFile)
	if err != nil {
		return false, err
	}
	orders, err := shop.ReadOrders(b)
	if err != nil {
		return false, err
	}
	r, err := check(dir, orders)
	if err != nil {
		return false, err
	}
	r.WallS = wall
	print(w, r)
	if out != "" {
		b, err := json.Marshal(r)
		if err != nil {
			return false, err
		}
		if err := os.WriteFile(out, append(b, '\n'), 0o644); err != nil {
			return false, err
		}
	}
	return r.ok(), nil
}

// shown is how many findings are printed.
const shown = 15

func print(w io.Writer, r *Report) {
	fmt.Fprintln(w)
	for i, f := range r.findings {
		if i == shown {
			fmt.Fprintf(w, "  … and %d more\n", len(r.findings)-shown)
			break
		}
		fmt.Fprintln(w, "  FOUND", f)
	}
	t := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("orders started", "%d", r.Started)
	row("completed / compensated", "%d / %d", r.Completed, r.Compensated)
	row("runs", "%s", r.verdict.StatusLine())
	row("kills, of them server with open runs", "%d / %d", r.Kills, r.KillsWithOpenRuns)
	for _, k := range r.verdict.Kills {
		row("  "+string(k.Victim)+" "+k.Time.Local().Format("15:04:05.000"), "%3d runs open, %2d activities running, %2d results in flight", k.OpenRuns, k.Running, k.InFlight)
	}
	row("attempts / results recorded", "%d / %d", r.Attempts, r.ResultsRecorded)
	row("money taken / given back", "%s / %s", money(r.books.Taken), money(r.books.Returned))
	row("lost", "%d", r.Lost)
	row("repeated after recorded", "%d", r.RepeatedAfterRecorded)
	row("money out of balance", "%s", money(r.MoneyBalance))
	row("wall time", "%.1f s", r.WallS)
	_ = t.Flush()
	if r.ok() {
		fmt.Fprintln(w, "  PASSED")
	} else {
		fmt.Fprintf(w, "  FAILED, %d findings\n", len(r.findings))
	}
}

func money(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
