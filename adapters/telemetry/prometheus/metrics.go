package prometheus

import (
	"net/http"
	"time"

	prom "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Metrics hears what the engine does and counts it. Safe for concurrent use.
type Metrics struct {
	registry *prom.Registry

	runsStarted, runsClosed, runsBlocked, runsPaused *prom.CounterVec
	runsRemoved, historiesLarge                      *prom.CounterVec
	rowsSwept                                        prom.Counter
	ticksStarted, ticksSkipped                       *prom.CounterVec
	runDuration                                      *prom.HistogramVec
	stepDuration, commitDuration                     prom.Histogram
	stepEvents                                       prom.Histogram
	replayDuration                                   prom.Histogram
	replayEvents                                     prom.Counter
	instances, parked                                *prom.CounterVec
	attempts                                         *prom.CounterVec
	dispatch, timerLag                               prom.Histogram
	operations                                       *prom.HistogramVec
	auditDropped                                     prom.Counter
}

var _ ports.Telemetry = (*Metrics)(nil)

// quick is for what takes from 50 µs to some seconds, slow for what may take days.
var (
	quick = prom.ExponentialBuckets(50e-6, 2, 18)
	slow  = []float64{0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600, 3600, 6 * 3600, 86400, 7 * 86400, 30 * 86400}
	sizes = prom.ExponentialBuckets(1, 4, 8)
)

// New makes the metrics, with those of the Go runtime and the process beside them.
func New() *Metrics {
	m := &Metrics{registry: prom.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	m.runsStarted = m.counters("aion_runs_started_total", "Runs that were started.", "namespace", "workflow_type")
	m.runsClosed = m.counters("aion_runs_closed_total", "Runs that closed, by how.", "namespace", "workflow_type", "status")
	m.runsBlocked = m.counters("aion_runs_blocked_total", "Times that a run became Blocked, by what blocks it.", "namespace", "workflow_type", "what")
	m.ticksStarted = m.counters("aion_schedule_ticks_started_total", "Starts that schedules decided.", "namespace")
	m.ticksSkipped = m.counters("aion_schedule_ticks_skipped_total", "Ticks that schedules skipped, by reason.", "namespace", "reason")
	m.runsPaused = m.counters("aion_run_pauses_total", "Times that a run was paused or resumed.", "namespace", "workflow_type", "change")
	m.runsRemoved = m.counters("aion_runs_removed_total", "Closed runs that were removed after their retention.", "namespace")
	m.historiesLarge = m.counters("aion_histories_large_total", "Runs whose history came to half of a limit.", "namespace", "workflow_type")
	m.rowsSwept = prom.NewCounter(prom.CounterOpts{Name: "aion_store_rows_swept_total", Help: "Rows of removed runs, and expired records, that were removed."})
	m.registry.MustRegister(m.rowsSwept)
	m.runDuration = m.histograms("aion_run_duration_seconds", "How long runs were open.", slow, "status")

	m.stepDuration = m.histogram("aion_step_duration_seconds", "How long steps take, activation and commit included.", quick)
	m.commitDuration = m.histogram("aion_step_commit_duration_seconds", "How long steps wait for their commit.", quick)
	m.stepEvents = m.histogram("aion_step_events", "Events that steps append.", sizes)
	m.replayDuration = m.histogram("aion_replay_duration_seconds", "How long it takes to rebuild an instance by replay.", quick)
	m.replayEvents = prom.NewCounter(prom.CounterOpts{Name: "aion_replay_events_total", Help: "Events that were replayed."})
	m.registry.MustRegister(m.replayEvents)

	m.auditDropped = prom.NewCounter(prom.CounterOpts{Name: "aion_audit_records_dropped_total", Help: "Audit records that are in the log only."})
	m.registry.MustRegister(m.auditDropped)

	m.instances = m.counters("aion_instances_found_total", "Where the instance for an activation came from: live, restored, replayed, new.", "from")
	m.parked = m.counters("aion_runs_parked_total", "Runs that left memory: hibernated or dropped.", "how")
	m.attempts = m.counters("aion_activity_attempts_total", "Attempts of activities that ended, by outcome.", "namespace", "activity_type", "outcome")
	m.dispatch = m.histogram("aion_dispatch_latency_seconds", "Time from scheduling, or the end of a backoff, to the hand-out of an attempt.", quick)
	m.timerLag = m.histogram("aion_timer_lag_seconds", "How late timers fired.", quick)
	m.operations = m.histograms("aion_store_operation_duration_seconds", "How long calls of the store take, waiting for the group commit included.", quick, "operation", "outcome")
	return m
}

func (m *Metrics) counters(name, help string, labels ...string) *prom.CounterVec {
	c := prom.NewCounterVec(prom.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) histograms(name, help string, buckets []float64, labels ...string) *prom.HistogramVec {
	h := prom.NewHistogramVec(prom.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

func (m *Metrics) histogram(name, help string, buckets []float64) prom.Histogram {
	h := prom.NewHistogram(prom.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	m.registry.MustRegister(h)
	return h
}

// Handler answers GET /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// RunStarted implements ports.Telemetry.
func (m *Metrics) RunStarted(ns model.Namespace, t model.WorkflowType) {
	m.runsStarted.WithLabelValues(string(ns), string(t)).Inc()
}

// RunClosed implements ports.Telemetry.
func (m *Metrics) RunClosed(ns model.Namespace, t model.WorkflowType, s model.Status, open time.Duration) {
	m.runsClosed.WithLabelValues(string(ns), string(t), s.String()).Inc()
	m.runDuration.WithLabelValues(s.String()).Observe(open.Seconds())
}

// RunPaused implements ports.Telemetry.
func (m *Metrics) RunPaused(ns model.Namespace, t model.WorkflowType, paused bool) {
	change := "resumed"
	if paused {
		change = "paused"
	}
	m.runsPaused.WithLabelValues(string(ns), string(t), change).Inc()
}

// RunBlocked implements ports.Telemetry.
func (m *Metrics) RunBlocked(ns model.Namespace, t model.WorkflowType, what string) {
	m.runsBlocked.WithLabelValues(string(ns), string(t), what).Inc()
}

// HistoryLarge implements ports.Telemetry.
func (m *Metrics) HistoryLarge(ns model.Namespace, t model.WorkflowType) {
	m.historiesLarge.WithLabelValues(string(ns), string(t)).Inc()
}

// Removed implements ports.Telemetry.
func (m *Metrics) Removed(ns model.Namespace, runs int) {
	m.runsRemoved.WithLabelValues(string(ns)).Add(float64(runs))
}

// Swept implements ports.Telemetry.
func (m *Metrics) Swept(rows int) { m.rowsSwept.Add(float64(rows)) }

// Stepped implements ports.Telemetry.
func (m *Metrics) Stepped(total, commit time.Duration, events int) {
	m.stepDuration.Observe(total.Seconds())
	m.commitDuration.Observe(commit.Seconds())
	m.stepEvents.Observe(float64(events))
}

// Replayed implements ports.Telemetry.
func (m *Metrics) Replayed(d time.Duration, events int) {
	m.replayDuration.Observe(d.Seconds())
	m.replayEvents.Add(float64(events))
}

// InstanceFound implements ports.Telemetry.
func (m *Metrics) InstanceFound(from string) { m.instances.WithLabelValues(from).Inc() }

// AttemptEnded implements ports.Telemetry.
func (m *Metrics) AttemptEnded(ns model.Namespace, t model.ActivityType, outcome string) {
	m.attempts.WithLabelValues(string(ns), string(t), outcome).Inc()
}

// Dispatched implements ports.Telemetry.
func (m *Metrics) Dispatched(d time.Duration) { m.dispatch.Observe(d.Seconds()) }

// TimerFired implements ports.Telemetry.
func (m *Metrics) TimerFired(late time.Duration) { m.timerLag.Observe(late.Seconds()) }

// ScheduleStarted implements ports.Telemetry.
func (m *Metrics) ScheduleStarted(ns model.Namespace, n int) {
	m.ticksStarted.WithLabelValues(string(ns)).Add(float64(n))
}

// ScheduleSkipped implements ports.Telemetry.
func (m *Metrics) ScheduleSkipped(ns model.Namespace, reason string, n int) {
	m.ticksSkipped.WithLabelValues(string(ns), reason).Add(float64(n))
}

// Parked implements ports.Telemetry.
func (m *Metrics) Parked(how string) { m.parked.WithLabelValues(how).Inc() }
