package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/aionrun/aion/domain/fault"
)

// SuiteOptions say how much of everything is measured.
type SuiteOptions struct {
	Options
	Runtimes []string      // which ones, one after the other
	Repeat   int           // how often; of each result the middle one counts
	Within   time.Duration // how long it may take: a repetition that would probably take longer is not begun
}

// Report is what a suite has found.
type Report struct {
	Date    string   `json:"date"` // RFC 3339
	Version string   `json:"version"`
	Machine Machine  `json:"machine"`
	Repeat  int      `json:"repeat"` // how often everything was measured
	WallS   float64  `json:"wall_s"`
	Results []Result `json:"results"` // of each, the repetition with the middle ratio to the floor
	All     []Result `json:"all"`     // every repetition, in the order in which they were made
}

// Suite measures the floor and every workload, several times, and gives the middle results. At least one repetition is made. report gets
// each result when it is there.
func Suite(ctx context.Context, o SuiteOptions, now func() time.Time, report func(Result)) (Report, error) {
	began := now()
	out := Report{Date: began.UTC().Format(time.RFC3339), Version: o.Version, Machine: thisMachine()}
	var longest time.Duration
	for out.Repeat < max(o.Repeat, 1) {
		if left := o.Within - now().Sub(began); out.Repeat > 0 && o.Within > 0 && left < longest {
			o.Say("suite: %d of %d repetitions, the next one would take longer than %v in all", out.Repeat, o.Repeat, o.Within)
			break
		}
		at := now()
		if err := o.once(ctx, func(r Result) {
			out.All = append(out.All, r)
			report(r)
		}); err != nil {
			return out, err
		}
		longest = max(longest, now().Sub(at))
		out.Repeat++
	}
	out.Results, out.WallS = middle(out.All), now().Sub(began).Seconds()
	return out, nil
}

// once measures everything once.
func (o *SuiteOptions) once(ctx context.Context, report func(Result)) error {
	for _, name := range Workloads() {
		runtimes := o.Runtimes
		if name == "floor" {
			runtimes = []string{""}
		}
		for _, runtime := range runtimes {
			one := o.Options
			one.Runtime = runtime
			if err := Run(ctx, name, one, report); err != nil {
				return err
			}
		}
	}
	return nil
}

// middle chooses of each result's repetitions the one with the middle ratio, or for a floor the middle time; of two the better one.
func middle(all []Result) []Result {
	type key struct {
		name, runtime string
		concurrency   int
	}
	groups := map[key][]Result{}
	var order []key
	for _, r := range all {
		k := key{r.Name, r.Runtime, r.Concurrency}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	var out []Result
	for _, k := range order {
		g := groups[k]
		slices.SortStableFunc(g, func(a, b Result) int {
			return cmp.Or(cmp.Compare(a.Ratio, b.Ratio), cmp.Compare(a.P50, b.P50))
		})
		out = append(out, g[(len(g)-1)/2])
	}
	return out
}

// Write puts a report into a file, as JSON, with a plot beside it. Folders are made as needed.
func (r Report) Write(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fault.Wrap(fault.InvalidInput, err, "the report").Hinted("name another file")
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
		return fault.Wrap(fault.InvalidInput, err, "the report").Hinted("name another file")
	}
	return os.WriteFile(plotFile(file), r.plot(), 0o644)
}
