package app_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aionrun/aion/app"
	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/worker"
	"github.com/aionrun/aion/sdk/workflow"
)

var (
	work  = activity.Define[string, string]("Work", activity.Options{Retry: activity.Retry{InitialInterval: time.Millisecond}})
	state = workflow.DefineQuery[workflow.None, string]("state")
)

// A server moves its metrics: what the engine, the store, the runtime and the queues do shows where a monitor looks.
func TestMetricsOfAServer(t *testing.T) {
	s := start(t, settings(func(c *config.Config) {
		c.Store.Backend, c.Store.URL = config.BackendSQLite, "file:"+filepath.Join(t.TempDir(), "aion.db")
		c.Runtime.CacheBytes = 1 // so that runs leave memory
		c.Engine.ResidentBytes = 1
		c.Worker.ReattachWindow = 10 * time.Millisecond
	}), app.Options{Version: "v9", Native: []workflow.Definition{
		workflow.Define("Work", func(ctx workflow.Context, in string) (string, error) { return work.Execute(ctx, in) }),
		workflow.Define("Wait", func(ctx workflow.Context, _ workflow.None) (string, error) {
			state.Handle(ctx, func(workflow.None) (string, error) { return "waiting", nil })
			if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
				return "", err
			}
			return goOn.Receive(ctx)
		}),
		workflow.Define("Stuck", func(workflow.Context, workflow.None) (string, error) { panic("stuck") }),
	}})
	ctx := t.Context()
	r := remote(t, s)
	json := func(text string) model.Payload {
		return model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(text)}
	}
	begin := func(typ model.WorkflowType, id model.WorkflowID, in string, wait time.Duration) {
		t.Helper()
		if _, err := r.Start(ctx, ports.StartRequest{Type: typ, WorkflowID: id, Input: json(in), Wait: wait}); err != nil {
			t.Fatal(err)
		}
	}
	begin("Work", "queued", `"later"`, 0)
	expect(t, s, map[string]float64{`aion_task_queue_depth{namespace="default",task_queue="default"}`: 1})

	release := make(chan struct{})
	workers, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	var failed atomic.Bool
	w := worker.New(s.Address(), worker.Options{Slots: 2})
	worker.Handle(w, work, func(_ context.Context, in string) (string, error) {
		switch {
		case in == "hold":
			<-release
		case in == "fail" && failed.CompareAndSwap(false, true):
			return "", activity.Type("no").Errorf("not yet")
		}
		return in, nil
	})
	go func() { ended <- w.Run(workers) }()
	begin("Work", "fails", `"fail"`, time.Minute)
	begin("Work", "held", `"hold"`, 0)
	begin("Wait", "waits", `null`, 0)
	begin("Stuck", "stuck", `null`, time.Minute)
	if _, err := r.Query(ctx, ports.QueryRequest{Ref: ports.WorkflowRef{WorkflowID: "waits"}, Name: "state"}); err != nil {
		t.Fatal(err)
	}
	const queue = `{namespace="default",task_queue="default"}`
	expect(t, s, map[string]float64{
		`aion_build_info{go_version=`:                                                                1,
		`aion_runs_started_total{namespace="default",workflow_type="Work"}`:                          3,
		`aion_runs_open{namespace="default",workflow_type="Work"}`:                                   1,
		`aion_runs_closed_total{namespace="default",status="Completed",workflow_type="Work"}`:        2,
		`aion_run_duration_seconds_count{status="Completed"}`:                                        2,
		`aion_runs_blocked_total{namespace="default",what="panic",workflow_type="Stuck"}`:            1,
		`aion_activity_attempts_total{activity_type="Work",namespace="default",outcome="completed"}`: 2,
		`aion_activity_attempts_total{activity_type="Work",namespace="default",outcome="failed"}`:    1,
		`aion_dispatch_latency_seconds_count`:                                                        4,
		`aion_timer_lag_seconds_count`:                                                               1,
		`aion_worker_slots{namespace="default",state="used"`:                                         1,
		`aion_workers` + queue:                                                         1,
		`aion_task_queue_depth` + queue:                                                0,
		`aion_step_events_sum`:                                                         positive,
		`aion_step_duration_seconds_sum`:                                               positive,
		`aion_step_commit_duration_seconds_sum`:                                        positive,
		`aion_instances_found_total{from="new"}`:                                       positive,
		`aion_instances_found_total{from="replayed"}`:                                  positive,
		`aion_replay_duration_seconds_count`:                                           positive,
		`aion_replay_events_total`:                                                     positive,
		`aion_runs_parked_total{how="dropped"}`:                                        positive,
		`aion_store_appends_total`:                                                     positive,
		`aion_store_commits_total`:                                                     positive,
		`aion_store_rows_written_total`:                                                positive,
		`aion_store_written_bytes_total`:                                               positive,
		`aion_store_history_reads_total`:                                               positive,
		`aion_store_history_read_bytes_total`:                                          positive,
		`aion_store_operation_duration_seconds_count{operation="append",outcome="ok"}`: positive,
	})
	close(release)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// positive stands for any value above zero.
const positive = -1

// expect waits until the metrics have these values: a scrape may come before the last of what follows a commit.
func expect(t *testing.T, s *app.Server, want map[string]float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	for {
		got := scrape(t, s)
		missing := map[string]float64{}
		for name, v := range want {
			if is := sample(got, name); is != v && !(v == positive && is > 0) {
				missing[name] = is
			}
		}
		if len(missing) == 0 {
			return
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			for name, is := range missing {
				t.Errorf("%s is %v, want %v", name, is, want[name])
			}
			return
		}
	}
}

func scrape(t *testing.T, s *app.Server) map[string]float64 {
	t.Helper()
	_, body := fetch(t, request(t, http.MethodGet, "http://"+s.AdminAddress()+"/metrics", ""))
	out := map[string]float64{}
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			if v, err := strconv.ParseFloat(line[at+1:], 64); err == nil {
				out[line[:at]] = v
			}
		}
	}
	return out
}

// sample is the one with this name, or the one that begins with it.
func sample(all map[string]float64, name string) float64 {
	if v, ok := all[name]; ok {
		return v
	}
	for k, v := range all {
		if strings.Contains(name, "{") && strings.HasPrefix(k, name) {
			return v
		}
	}
	return 0
}
