package prometheus_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/adapters/telemetry/prometheus"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// world is what the metrics look at, set by the test.
type world struct {
	ports.Store
	ports.Runtime
	ports.Operator
	store     ports.StoreStats
	runtime   ports.RuntimeStats
	runs      []ports.RunCount
	queues    []ports.QueueStatus
	countErr  error
	appendErr error
}

func (w *world) Append(context.Context, *ports.Append) (ports.AppendResult, error) {
	return ports.AppendResult{}, w.appendErr
}
func (w *world) Namespaces(context.Context) ([]ports.NamespaceRecord, error) {
	return []ports.NamespaceRecord{{Name: "default"}}, nil
}
func (w *world) Count(context.Context, model.Namespace) ([]ports.RunCount, error) {
	return w.runs, w.countErr
}
func (w *world) Info() ports.StoreInfo { return ports.StoreInfo{Backend: "memory"} }
func (w *world) TaskQueues(context.Context, model.Namespace) ([]ports.QueueStatus, error) {
	return w.queues, nil
}

type storeOf struct{ *world }

func (s storeOf) Stats() ports.StoreStats { return s.store }
func (s storeOf) Close() error            { return nil }

type runtimeOf struct{ *world }

func (r runtimeOf) Stats() ports.RuntimeStats   { return r.runtime }
func (r runtimeOf) Close(context.Context) error { return nil }

// Every metric has a row that moves it, and every row a metric: what is not moved by a test is not measured.
func TestEveryMetricMoves(t *testing.T) {
	w := &world{}
	w.queues = []ports.QueueStatus{{Namespace: "default", Name: "q"}}
	w.runs = []ports.RunCount{{Type: "T", Status: model.StatusRunning}, {Type: "T", Status: model.StatusCompleted, N: 7}}
	m := prometheus.New()
	m.Watch(prometheus.Sources{Store: storeOf{w}, Runtime: runtimeOf{w}, Operator: w, Version: "v1", Anonymous: false})
	store := m.Store(storeOf{w})
	ctx := context.Background()
	second := time.Second

	// what it was before, what moves it, and the sample that shows it.
	moves := map[string]struct {
		move   func()
		sample string
		by     float64
	}{
		"aion_runs_started_total":           {func() { m.RunStarted("default", "T") }, `{namespace="default",workflow_type="T"}`, 1},
		"aion_runs_closed_total":            {func() { m.RunClosed("default", "T", model.StatusFailed, second) }, `{namespace="default",status="Failed",workflow_type="T"}`, 1},
		"aion_run_duration_seconds":         {func() { m.RunClosed("default", "T", model.StatusCompleted, 3*second) }, `_sum{status="Completed"}`, 3},
		"aion_runs_blocked_total":           {func() { m.RunBlocked("default", "T", "fuel") }, `{namespace="default",what="fuel",workflow_type="T"}`, 1},
		"aion_histories_large_total":        {func() { m.HistoryLarge("default", "T") }, `{namespace="default",workflow_type="T"}`, 1},
		"aion_runs_removed_total":           {func() { m.Removed("default", 3) }, `{namespace="default"}`, 3},
		"aion_store_rows_swept_total":       {func() { m.Swept(4) }, ``, 4},
		"aion_audit_records_dropped_total":  {func() { m.AuditDropped(1) }, ``, 1},
		"aion_run_pauses_total":             {func() { m.RunPaused("default", "T", true) }, `{change="paused",namespace="default",workflow_type="T"}`, 1},
		"aion_runs_open":                    {func() { w.runs[0].N = 5 }, `{namespace="default",workflow_type="T"}`, 5},
		"aion_runs_parked_total":            {func() { m.Parked("hibernated") }, `{how="hibernated"}`, 1},
		"aion_step_duration_seconds":        {func() { m.Stepped(2*second, 0, 0) }, `_sum`, 2},
		"aion_step_commit_duration_seconds": {func() { m.Stepped(0, second, 0) }, `_sum`, 1},
		"aion_step_events":                  {func() { m.Stepped(0, 0, 12) }, `_sum`, 12},
		"aion_replay_duration_seconds":      {func() { m.Replayed(second, 0) }, `_sum`, 1},
		"aion_replay_events_total":          {func() { m.Replayed(0, 40) }, ``, 40},
		"aion_instances_found_total":        {func() { m.InstanceFound("live") }, `{from="live"}`, 1},
		"aion_activity_attempts_total":      {func() { m.AttemptEnded("default", "A", "completed") }, `{activity_type="A",namespace="default",outcome="completed"}`, 1},
		"aion_dispatch_latency_seconds":     {func() { m.Dispatched(second) }, `_sum`, 1},
		"aion_schedule_ticks_started_total": {func() { m.ScheduleStarted("default", 2) }, `{namespace="default"}`, 2},
		"aion_schedule_ticks_skipped_total": {func() { m.ScheduleSkipped("default", "overlap", 3) }, `{namespace="default",reason="overlap"}`, 3},
		"aion_timer_lag_seconds":            {func() { m.TimerFired(second) }, `_sum`, 1},
		"aion_store_operation_duration_seconds": {func() {
			w.appendErr = fault.New(fault.Conflict, "no")
			_, _ = store.Append(ctx, &ports.Append{})
		}, `_count{operation="append",outcome="conflict"}`, 1},
		"aion_build_info":                       {func() {}, `{go_version="`, 1},
		"aion_anonymous_access":                 {func() {}, ``, 0},
		"aion_task_queue_depth":                 {func() { w.queues[0].Buffered = 3 }, `{namespace="default",task_queue="q"}`, 3},
		"aion_task_queue_held_by_keys":          {func() { w.queues[0].HeldByKeys = 2 }, `{namespace="default",task_queue="q"}`, 2},
		"aion_task_queue_limited_seconds_total": {func() { w.queues[0].LimitedFor = 4 * time.Second }, `{namespace="default",task_queue="q"}`, 4},
		"aion_task_queue_oldest_seconds":        {func() { w.queues[0].Oldest = time.Now().Add(-time.Hour) }, `{namespace="default",task_queue="q"}`, 3600},
		"aion_worker_slots":                     {func() { w.queues[0].Slots, w.queues[0].SlotsUsed = 4, 1 }, `{namespace="default",state="free",task_queue="q"}`, 3},
		"aion_workers":                          {func() { w.queues[0].Workers = 2 }, `{namespace="default",task_queue="q"}`, 2},
		"aion_instances_live":                   {func() { w.runtime.LiveInstances = 2 }, ``, 2},
		"aion_instances_live_bytes":             {func() { w.runtime.LiveBytes = 9 }, ``, 9},
		"aion_instances_hibernated_total":       {func() { w.runtime.Hibernated = 3 }, ``, 3},
		"aion_instances_restored_total":         {func() { w.runtime.Restored = 4 }, ``, 4},
		"aion_instances_dropped_total":          {func() { w.runtime.Dropped = 5 }, ``, 5},
		"aion_fuel_used_total":                  {func() { w.runtime.FuelUsed = 6 }, ``, 6},
		"aion_store_commits_total":              {func() { w.store.Commits = 1 }, ``, 1},
		"aion_store_appends_total":              {func() { w.store.Appends = 2 }, ``, 2},
		"aion_store_rows_written_total":         {func() { w.store.RowsWritten = 3 }, ``, 3},
		"aion_store_written_bytes_total":        {func() { w.store.BytesWritten = 4 }, ``, 4},
		"aion_store_history_reads_total":        {func() { w.store.HistoryReads = 5 }, ``, 5},
		"aion_store_history_read_bytes_total":   {func() { w.store.HistoryBytesRead = 6 }, ``, 6},
	}
	for name, c := range moves {
		t.Run(name, func(t *testing.T) {
			before := scrape(t, m)
			c.move()
			after := scrape(t, m)
			want, sample := c.by, name+c.sample
			if name == "aion_build_info" {
				sample, want = fmt.Sprintf(`%s%sgo`, name, c.sample), 1
			}
			got := value(after, sample)
			if name != "aion_build_info" {
				got -= value(before, sample)
			}
			if diff := got - want; diff < 0 || diff > 1 {
				t.Errorf("%s moved by %v, want %v", sample, got, want)
			}
		})
	}
	var known []string
	for line := range scrape(t, m) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok && strings.HasPrefix(rest, "aion_") {
			known = append(known, strings.Fields(rest)[0])
		}
	}
	slices.Sort(known)
	page, err := os.ReadFile("../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range known {
		if !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("%s is not in docs/metrics.md", name)
		}
		if _, ok := moves[name]; !ok {
			t.Errorf("%s is moved by no row of this test", name)
		}
	}
	if len(known) != len(moves) {
		t.Errorf("%d metrics are there after all were moved, %d rows move them", len(known), len(moves))
	}
}

func TestAnonymousAccessShows(t *testing.T) {
	w := &world{}
	m := prometheus.New()
	m.Watch(prometheus.Sources{Store: storeOf{w}, Runtime: runtimeOf{w}, Operator: w, Anonymous: true})
	if got := value(scrape(t, m), "aion_anonymous_access"); got != 1 {
		t.Errorf("got %v, want 1", got)
	}
}

// A store that cannot answer shows as a failed scrape, not as zero runs.
func TestFailingStoreFailsTheScrape(t *testing.T) {
	w := &world{countErr: errors.New("broken")}
	m := prometheus.New()
	m.Watch(prometheus.Sources{Store: storeOf{w}, Runtime: runtimeOf{w}, Operator: w})
	r := httptest.NewRecorder()
	m.Handler().ServeHTTP(r, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if r.Code != http.StatusInternalServerError || !strings.Contains(r.Body.String(), "broken") {
		t.Errorf("status %d: %.200s", r.Code, r.Body)
	}
}

// The decorated store answers what the store answers, and times it.
func TestStorePassesThrough(t *testing.T) {
	m := prometheus.New()
	s := m.Store(memory.New())
	ctx := context.Background()
	for operation, call := range map[string]func() error{
		"chain":          func() error { _, _, err := s.Chain(ctx, model.ChainKey{Namespace: "n", WorkflowID: "w"}); return err },
		"run":            func() error { _, err := s.Run(ctx, "n", "r"); return err },
		"history":        func() error { _, err := s.History(ctx, "r", 1, 10); return err },
		"last_history":   func() error { _, err := s.LastHistory(ctx, "r"); return err },
		"list":           func() error { _, err := s.List(ctx, ports.ListQuery{Namespace: "n", Limit: 1}); return err },
		"due":            func() error { _, err := s.Due(ctx, 0, time.Now(), nil, 1); return err },
		"tasks":          func() error { _, err := s.Tasks(ctx, "n", "q", 0, 1); return err },
		"put_checkpoint": func() error { return s.PutCheckpoint(ctx, ports.Checkpoint{Run: "r", Seq: 1}) },
		"put_heartbeat":  func() error { return s.PutHeartbeat(ctx, ports.Heartbeat{Run: "r", Ordinal: 1}) },
	} {
		t.Run(operation, func(t *testing.T) {
			outcome := "ok"
			if err := call(); err != nil {
				outcome = fault.ReasonOf(err).String()
			}
			sample := fmt.Sprintf(`aion_store_operation_duration_seconds_count{operation=%q,outcome=%q}`, operation, outcome)
			if got := value(scrape(t, m), sample); got != 1 {
				t.Errorf("%s is %v, want 1", sample, got)
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func scrape(t *testing.T, m *prometheus.Metrics) map[string]float64 {
	t.Helper()
	r := httptest.NewRecorder()
	m.Handler().ServeHTTP(r, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if r.Code != http.StatusOK {
		t.Fatalf("status %d: %s", r.Code, r.Body)
	}
	out := map[string]float64{}
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			out[line] = 0
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatal(err)
		}
		out[line[:at]] = v
	}
	return out
}

// value is the sample with a name, or the first that begins with it.
func value(samples map[string]float64, name string) float64 {
	if v, ok := samples[name]; ok {
		return v
	}
	for k, v := range samples {
		if strings.HasPrefix(k, name) && strings.Contains(name, "{") {
			return v
		}
	}
	return 0
}
