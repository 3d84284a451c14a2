package bench

import (
	"slices"
	"time"
)

// Result is one measurement.
type Result struct {
	Name        string  `json:"name"`
	Runtime     string  `json:"runtime"`    // native or wasm; empty for a floor
	Store       string  `json:"store"`      // empty where none is used
	Durability  string  `json:"durability"` // fsync: every commit reaches the disk; none
	Count       int     `json:"count"`
	Concurrency int     `json:"concurrency"`
	WallS       float64 `json:"wall_s"`
	Rate        float64 `json:"rate"` // per second
	P50         float64 `json:"p50_ms"`
	P95         float64 `json:"p95_ms"`
	P99         float64 `json:"p99_ms"`
	Max         float64 `json:"max_ms"`
	ServerCPU   float64 `json:"server_cpu_s"`
	WorkerCPU   float64 `json:"worker_cpu_s"`
	ClientCPU   float64 `json:"client_cpu_s"`
	OthersCPU   float64 `json:"others_cpu_s"` // used by everything else on the machine: the more, the less the other numbers mean
	ServerRSS   int64   `json:"server_rss_bytes"`
	// FloorMS is what the machine alone takes for what is measured, in milliseconds; Ratio is how many times that it took.
	FloorMS float64 `json:"floor_ms"`
	Ratio   float64 `json:"ratio"`
}

// times fills in what a list of durations tells.
func (r *Result) times(all []time.Duration, wall time.Duration) {
	slices.Sort(all)
	r.Count, r.WallS = len(all), wall.Seconds()
	if len(all) == 0 || wall <= 0 {
		return
	}
	r.Rate = float64(len(all)) / wall.Seconds()
	r.P50, r.P95, r.P99, r.Max = ms(percentile(all, 50)), ms(percentile(all, 95)), ms(percentile(all, 99)), ms(all[len(all)-1])
}

// against compares a time in milliseconds with the floor.
func (r *Result) against(floor, took float64) {
	if r.FloorMS = floor; floor > 0 {
		r.Ratio = took / floor
	}
}

// percentile of sorted durations: the smallest one that p percent of them do not exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[max((len(sorted)*p+99)/100-1, 0)]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
