package prometheus

import (
	"context"
	"runtime"
	"time"

	prom "github.com/prometheus/client_golang/prometheus"

	"github.com/aionrun/aion/ports"
)

// Sources are asked at each scrape. What is asked is bounded: counters and what is in memory, never a scan of runs.
type Sources struct {
	Store     ports.Store
	Runtime   ports.Runtime
	Operator  ports.Operator
	Version   string
	Anonymous bool // everybody who reaches the public port may do everything
}

// Watch adds the metrics of s. It is called once.
func (m *Metrics) Watch(s Sources) { m.registry.MustRegister(&watcher{s}) }

// scrapeTimeout bounds what one scrape may ask the store.
const scrapeTimeout = 5 * time.Second

type watcher struct{ Sources }

func desc(name, help string, labels ...string) *prom.Desc {
	return prom.NewDesc(name, help, labels, nil)
}

var (
	buildInfo  = desc("aion_build_info", "Always 1; the labels tell what runs.", "version", "go_version", "store")
	anonymous  = desc("aion_anonymous_access", "1 when everybody who reaches the public port may do everything.")
	runsOpen   = desc("aion_runs_open", "Open runs.", "namespace", "workflow_type")
	queueDepth = desc("aion_task_queue_depth", "Tasks in memory that wait for a slot.", "namespace", "task_queue")
	queueKeys  = desc("aion_task_queue_held_by_keys", "Tasks in memory that wait for a place of their concurrency key.", "namespace", "task_queue")
	queueLimit = desc("aion_task_queue_limited_seconds_total", "How long tasks have waited for the queue's rate.", "namespace", "task_queue")
	queueAge   = desc("aion_task_queue_oldest_seconds", "How long the oldest waiting task has waited.", "namespace", "task_queue")
	queueSlots = desc("aion_worker_slots", "Slots of connected workers, by state: used or free.", "namespace", "task_queue", "state")
	queueCount = desc("aion_workers", "Connected workers.", "namespace", "task_queue")

	liveInstances = desc("aion_instances_live", "Instances of workflow code in memory.")
	liveBytes     = desc("aion_instances_live_bytes", "What instances of workflow code and their images take in memory.")
	hibernated    = desc("aion_instances_hibernated_total", "Instances that were written to the cache.")
	restored      = desc("aion_instances_restored_total", "Instances that came back from the cache.")
	dropped       = desc("aion_instances_dropped_total", "Instances in the cache that were evicted or did not fit.")
	fuel          = desc("aion_fuel_used_total", "What workflow code has computed, in units of fuel.")

	commits      = desc("aion_store_commits_total", "Transactions; appends / commits is the size of a batch.")
	appends      = desc("aion_store_appends_total", "Steps that were committed.")
	rows         = desc("aion_store_rows_written_total", "Rows that were written.")
	writtenBytes = desc("aion_store_written_bytes_total", "Bytes of history that were written.")
	historyReads = desc("aion_store_history_reads_total", "Reads of histories.")
	historyBytes = desc("aion_store_history_read_bytes_total", "Bytes of history that were read.")
)

// Describe implements prom.Collector.
func (w *watcher) Describe(ch chan<- *prom.Desc) {
	for _, d := range []*prom.Desc{
		buildInfo, anonymous, runsOpen, queueDepth, queueKeys, queueLimit, queueAge, queueSlots, queueCount, liveInstances, liveBytes, hibernated, restored, dropped, fuel,
		commits, appends, rows, writtenBytes, historyReads, historyBytes,
	} {
		ch <- d
	}
}

// Collect implements prom.Collector.
func (w *watcher) Collect(ch chan<- prom.Metric) {
	gauge := func(d *prom.Desc, v float64, labels ...string) {
		ch <- prom.MustNewConstMetric(d, prom.GaugeValue, v, labels...)
	}
	counter := func(d *prom.Desc, v int64) { ch <- prom.MustNewConstMetric(d, prom.CounterValue, float64(v)) }
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()

	gauge(buildInfo, 1, w.Version, runtime.Version(), w.Store.Info().Backend)
	open := 0.0
	if w.Anonymous {
		open = 1
	}
	gauge(anonymous, open)

	r := w.Runtime.Stats()
	gauge(liveInstances, float64(r.LiveInstances))
	gauge(liveBytes, float64(r.LiveBytes))
	counter(hibernated, r.Hibernated)
	counter(restored, r.Restored)
	counter(dropped, r.Dropped)
	counter(fuel, r.FuelUsed)

	s := w.Store.Stats()
	counter(commits, s.Commits)
	counter(appends, s.Appends)
	counter(rows, s.RowsWritten)
	counter(writtenBytes, s.BytesWritten)
	counter(historyReads, s.HistoryReads)
	counter(historyBytes, s.HistoryBytesRead)

	w.collectRuns(ctx, ch, gauge)
	w.collectQueues(ctx, ch, gauge)
}

func (w *watcher) collectRuns(ctx context.Context, ch chan<- prom.Metric, gauge func(*prom.Desc, float64, ...string)) {
	all, err := w.Store.Namespaces(ctx)
	if err != nil {
		ch <- prom.NewInvalidMetric(runsOpen, err)
		return
	}
	for _, ns := range all {
		counts, err := w.Store.Count(ctx, ns.Name)
		if err != nil {
			ch <- prom.NewInvalidMetric(runsOpen, err)
			return
		}
		for _, c := range counts {
			if c.Status.Open() {
				gauge(runsOpen, float64(c.N), string(ns.Name), string(c.Type))
			}
		}
	}
}

func (w *watcher) collectQueues(ctx context.Context, ch chan<- prom.Metric, gauge func(*prom.Desc, float64, ...string)) {
	queues, err := w.Operator.TaskQueues(ctx, "")
	if err != nil {
		ch <- prom.NewInvalidMetric(queueDepth, err)
		return
	}
	now := time.Now()
	for _, q := range queues {
		labels := []string{string(q.Namespace), string(q.Name)}
		gauge(queueDepth, float64(q.Buffered), labels...)
		gauge(queueKeys, float64(q.HeldByKeys), labels...)
		ch <- prom.MustNewConstMetric(queueLimit, prom.CounterValue, q.LimitedFor.Seconds(), labels...)
		age := 0.0
		if !q.Oldest.IsZero() {
			age = max(0, now.Sub(q.Oldest).Seconds())
		}
		gauge(queueAge, age, labels...)
		gauge(queueSlots, float64(q.SlotsUsed), string(q.Namespace), string(q.Name), "used")
		gauge(queueSlots, float64(q.Slots-q.SlotsUsed), string(q.Namespace), string(q.Name), "free")
		gauge(queueCount, float64(q.Workers), labels...)
	}
}
