package transporttest

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// trip is a call with every field set, and its answer with every field set.
type trip struct {
	method  string
	request any // what the service must see
	answer  any // what it answers and the caller must see
	call    func(ctx context.Context, s ports.Service) (any, error)
}

func trips() []trip {
	start := ports.StartRequest{
		Namespace: "shop", WorkflowID: "order/7:a é", Type: "PlaceOrder", Input: payload(`{"n":1}`), RequestID: "req-1", TaskQueue: "fast",
		Wait: 1500 * time.Millisecond, RunTimeout: time.Hour, StartDelay: time.Minute, ExecutionTimeout: 2 * time.Hour,
		Retry: model.RetryPolicy{InitialInterval: time.Second, Coefficient: 1.5, MaximumInterval: time.Minute, MaximumAttempts: 7, NonRetryableTypes: []string{"x"}},
		Reuse: ports.ReuseAllowIfFailed, Conflict: ports.ConflictUseExisting,
		Header: map[string]string{"traceparent": "00-1"}, Identity: Subject, Priority: -3, FairnessKey: "gold", ConcurrencyKey: "customer-7",
		Attributes: map[string]model.Payload{"customer": payload(`"a"`), "amount": payload("7")},
	}
	signal := ports.SignalRequest{Ref: ref(), Name: "approve", Input: payload("true"), RequestID: "req-2", Identity: Subject, Header: map[string]string{"a": "b"}}
	withStart := ports.SignalStartRequest{Start: start, Name: "approve", Input: payload("true"), Header: map[string]string{"a": "b"}}
	update := ports.UpdateRequest{Ref: ref(), ID: "u-1", Name: "change", Input: payload("1"), Header: map[string]string{"a": "b"}, Identity: Subject, Wait: time.Minute}
	updateStart := ports.UpdateStartRequest{Start: start, ID: "u-1", Name: "change", Input: payload("1"), Header: map[string]string{"a": "b"}, Wait: time.Minute}
	updateStart.Start.Wait = 0
	getUpdate := ports.GetUpdateRequest{Ref: ref(), ID: "u-1", Wait: time.Minute}
	query := ports.QueryRequest{Ref: ref(), Name: "progress", Input: payload("7")}
	end := ports.EndRequest{Ref: ref(), Reason: "no longer wanted", RequestID: "req-3", Identity: Subject}
	fork := ports.ForkRequest{Ref: ref(), At: 7, NewID: "w2", Package: "abababa", ReapplySignals: true, Reason: "why", RequestID: "req-9", Identity: Subject}
	repin := ports.RepinRequest{Ref: ref(), Package: model.PackageHash(strings.Repeat("ab", 32)), Identity: Subject}
	history := ports.HistoryRequest{Ref: ref(), From: 7, MaxBytes: 1000}
	result := ports.ResultRequest{Ref: ref(), Wait: time.Minute}
	list := ports.ListQuery{
		Namespace: "shop", WorkflowID: "w", Type: "PlaceOrder", Status: model.StatusFailed, Blocked: true, Paused: true, Limit: 17,
		After: &ports.ListCursor{StartedAt: at(9), Run: "r9"},
	}
	pkg := ports.PackageInfo{
		Hash: model.PackageHash(strings.Repeat("cd", 32)), Name: "orders", WorkflowTypes: []model.WorkflowType{"A", "B"},
		ActivityTypes: []model.ActivityType{"Pay"}, SDK: "go/1.0", GoVersion: "go1.26", CodeBytes: 1 << 33, DeployedAt: at(1), Pins: 7,
		RoutedTypes: []model.WorkflowType{"A"}, PreviousTypes: []model.WorkflowType{"B"},
	}
	deploy := ports.DeployRequest{Archive: []byte("an archive"), KeepRoutes: true, Verify: &ports.VerifyOptions{Open: 100, Closed: 20, AllOpen: true}, Force: true}
	verify := ports.VerifyRequest{Archive: []byte("an archive"), Options: ports.VerifyOptions{Open: 7, Closed: 8, AllOpen: true}}
	verified := ports.Verification{
		Package: pkg.Hash, Types: []ports.VerifiedType{{Type: "A", Routed: "native", Open: 3, Closed: 4, Different: 2, More: true}, {Type: "B"}},
		Differences: []ports.Difference{
			{Key: model.ChainKey{Namespace: "shop", WorkflowID: "w"}, Run: "r1", Type: "A", Open: true, AtSeq: 7, Expected: "timer 1", Found: "nothing"},
			{Key: model.ChainKey{Namespace: "shop", WorkflowID: "x"}, Run: "r2", Type: "A", Problem: "panic: no"},
		},
	}
	change := ports.RouteChange{Type: "A", Package: pkg.Hash, Previous: "native"}
	worker := ports.WorkerStatus{
		ID: "w-1", Slots: 8, SlotsUsed: 3, ConnectedAt: at(2), Draining: true,
		Registered: ports.WorkerRegistration{
			Namespaces: []model.Namespace{"shop"}, Queues: []model.TaskQueue{"fast"}, ActivityTypes: []model.ActivityType{"Pay"}, Slots: 8,
			Identity: "host:1", SDK: "go/1.0", BuildID: "b1",
		},
	}
	queue := ports.QueueStatus{Namespace: "shop", Name: "fast", Workers: 1, Slots: 8, SlotsUsed: 3, Buffered: 1 << 40, Backlog: true, Running: 2, HeldByKeys: 1 << 33, Limited: true,
		Settings: ports.QueueSettings{Rate: 0.5, Burst: 2, Weight: 3, KeyLimit: 4, KeyLimits: map[string]int{"customer-7": 5}, FairnessWeights: map[string]int{"": 2, "gold": 9}}}
	settings := queue.Settings
	settings.Namespace, settings.Name = "shop", "fast"
	described := ports.QueueDescription{QueueStatus: queue, Flows: []ports.FlowStatus{{Name: "gold", Weight: 9, Waiting: 3}, {Weight: 2, Waiting: 1}}, Keys: []ports.KeyStatus{
		{Name: "customer-7", Limit: 5, Held: 1, Waiting: 8, Holders: []ports.TaskHolder{{WorkflowID: "order/7:a é", Run: "r1", Ordinal: 3, Type: "Pay", Worker: "host:1"}}}, {Name: "b", Limit: 1}}}
	token := []byte{1, 0, 255}
	completed := ports.ActivityResult{Namespace: "shop", Token: token, Result: payload("true"), RequestID: "req-4", Identity: Subject}
	failed := ports.ActivityResult{Namespace: "shop", Token: token, Failure: failure(), NextDelay: time.Minute, RequestID: "req-5", Identity: Subject}
	beat := ports.ActivityBeat{Namespace: "shop", Token: token, Details: payload("0.5")}
	ended := ports.WorkflowRef{Namespace: "shop", WorkflowID: "order/7:a é", Run: "r1"}
	return []trip{
		{"Start", start, ports.StartResult{WorkflowID: "order/7:a é", Run: "r1", Started: true, Package: pkg.Hash, Outcome: &ports.Outcome{Status: model.StatusCompleted, Result: payload("1")}},
			func(ctx context.Context, s ports.Service) (any, error) { return s.Start(ctx, start) }},
		{"Signal", signal, model.RunID("r1"), func(ctx context.Context, s ports.Service) (any, error) { return s.Signal(ctx, signal) }},
		{"SignalWithStart", withStart, ports.StartResult{WorkflowID: "order/7:a é", Run: "r1", Started: true, Package: pkg.Hash, Outcome: &ports.Outcome{Status: model.StatusCompleted, Result: payload("1")}},
			func(ctx context.Context, s ports.Service) (any, error) { return s.SignalWithStart(ctx, withStart) }},
		{"Update", update, ports.UpdateStatus{ID: "u-1", Run: "r1", Stage: ports.UpdateCompleted, Result: payload("2")},
			func(ctx context.Context, s ports.Service) (any, error) { return s.Update(ctx, update) }},
		{"UpdateWithStart", updateStart, ports.UpdateStartResult{
			Start:  ports.StartResult{WorkflowID: "order/7:a é", Run: "r1", Started: true, Package: pkg.Hash},
			Update: ports.UpdateStatus{ID: "u-1", Run: "r1", Stage: ports.UpdateCompleted, Failure: failure()},
		}, func(ctx context.Context, s ports.Service) (any, error) { return s.UpdateWithStart(ctx, updateStart) }},
		{"GetUpdate", getUpdate, ports.UpdateStatus{ID: "u-1", Run: "r1", Stage: ports.UpdateAccepted, Blocked: &ports.BlockedInfo{What: "fuel", Message: "too much", Limit: 7}},
			func(ctx context.Context, s ports.Service) (any, error) { return s.GetUpdate(ctx, getUpdate) }},
		{"Query", query, ports.QueryResult{Output: payload(`"half"`), AsOf: 12, Run: "r1"},
			func(ctx context.Context, s ports.Service) (any, error) { return s.Query(ctx, query) }},
		{"Cancel", end, model.RunID("r1"), func(ctx context.Context, s ports.Service) (any, error) { return s.Cancel(ctx, end) }},
		{"Terminate", end, model.RunID("r1"), func(ctx context.Context, s ports.Service) (any, error) { return s.Terminate(ctx, end) }},
		{"Pause", end, model.RunID("r1"), func(ctx context.Context, s ports.Service) (any, error) { return s.Pause(ctx, end) }},
		{"Resume", end, model.RunID("r1"), func(ctx context.Context, s ports.Service) (any, error) { return s.Resume(ctx, end) }},
		{"Fork", fork, ports.ForkResult{WorkflowID: "w2", Run: "r2", Package: pkg.Hash, At: 7}, func(ctx context.Context, s ports.Service) (any, error) { return s.Fork(ctx, fork) }},
		{"Repin", repin, Repinned{"r1", 41}, func(ctx context.Context, s ports.Service) (any, error) {
			run, through, err := s.Repin(ctx, repin)
			return Repinned{run, through}, err
		}},
		{"Describe", ref(), description(), func(ctx context.Context, s ports.Service) (any, error) { return s.Describe(ctx, ref()) }},
		{"History", history, ports.HistoryResult{Run: "r1", Bytes: events(), Next: 12},
			func(ctx context.Context, s ports.Service) (any, error) { return s.History(ctx, history) }},
		{"Result", result, ports.Outcome{Run: "r2", Next: "r3", Status: model.StatusFailed, Failure: failure()},
			func(ctx context.Context, s ports.Service) (any, error) { return s.Result(ctx, result) }},
		{"List", list, Page{[]ports.Run{run("r8"), run("r7")}, &ports.ListCursor{StartedAt: at(3), Run: "r7"}},
			func(ctx context.Context, s ports.Service) (any, error) {
				runs, next, err := s.List(ctx, list)
				return Page{runs, next}, err
			}},
		{"Count", model.Namespace("shop"), []ports.RunCount{
			{Namespace: "shop", Type: "A", Status: model.StatusRunning, N: 5}, {Namespace: "shop", Type: "A", Status: model.StatusFailed, N: 1 << 40},
			{Namespace: "shop", Type: "B", Status: model.StatusRunning, N: 1},
		}, func(ctx context.Context, s ports.Service) (any, error) { return s.Count(ctx, "shop") }},
		{"CompleteActivity", completed, ended, func(ctx context.Context, s ports.Service) (any, error) { return s.CompleteActivity(ctx, completed) }},
		{"FailActivity", failed, ended, func(ctx context.Context, s ports.Service) (any, error) { return s.FailActivity(ctx, failed) }},
		{"HeartbeatActivity", beat, true, func(ctx context.Context, s ports.Service) (any, error) { return s.HeartbeatActivity(ctx, beat) }},
		{"Deploy", deploy, ports.DeployResult{Package: pkg, Created: true, Routes: []ports.RouteChange{change}, Verified: &verified},
			func(ctx context.Context, s ports.Service) (any, error) { return s.Deploy(ctx, deploy) }},
		{"Verify", verify, verified, func(ctx context.Context, s ports.Service) (any, error) { return s.Verify(ctx, verify) }},
		{"Rollback", model.WorkflowType("A"), ports.SetRouteResult{Route: change, Tried: 9, Unblocked: 4},
			func(ctx context.Context, s ports.Service) (any, error) { return s.Rollback(ctx, "A") }},
		{"Package", "abababa", pkg, func(ctx context.Context, s ports.Service) (any, error) { return s.Package(ctx, "abababa") }},
		{"Packages", nil, []ports.PackageInfo{pkg}, func(ctx context.Context, s ports.Service) (any, error) { return s.Packages(ctx) }},
		{"SetRoute", Args{model.WorkflowType("A"), "abababa"}, ports.SetRouteResult{Route: change, Tried: 9, Unblocked: 4},
			func(ctx context.Context, s ports.Service) (any, error) { return s.SetRoute(ctx, "A", "abababa") }},
		{"Routes", nil, []ports.Route{{Type: "A", Package: pkg.Hash, Previous: "native"}}, func(ctx context.Context, s ports.Service) (any, error) { return s.Routes(ctx) }},
		{"Unload", "abababa", nil, func(ctx context.Context, s ports.Service) (any, error) { return nil, s.Unload(ctx, "abababa") }},
		{"Workers", model.Namespace("shop"), []ports.WorkerStatus{worker},
			func(ctx context.Context, s ports.Service) (any, error) { return s.Workers(ctx, "shop") }},
		{"TaskQueues", model.Namespace(""), []ports.QueueStatus{queue},
			func(ctx context.Context, s ports.Service) (any, error) { return s.TaskQueues(ctx, "") }},
		{"TaskQueue", Args{model.Namespace("shop"), model.TaskQueue("fast")}, described,
			func(ctx context.Context, s ports.Service) (any, error) { return s.TaskQueue(ctx, "shop", "fast") }},
		{"SetTaskQueue", settings, nil, func(ctx context.Context, s ports.Service) (any, error) { return nil, s.SetTaskQueue(ctx, settings) }},
	}
}

func run(id model.RunID) ports.Run {
	return ports.Run{
		ID: id, Key: model.ChainKey{Namespace: "shop", WorkflowID: "w"}, Type: "PlaceOrder", Status: model.StatusFailed, Blocked: "blocked", Paused: true,
		Package: "native", TaskQueue: "fast", StartedAt: at(3), ClosedAt: at(4), HeadSeq: 1<<32 - 1, HistoryBytes: 1 << 40, Attributes: runAttributes(),
	}
}

func description() ports.Description {
	d := ports.Description{
		Run:     run("r1"),
		Summary: "waits for Pay",
		Activities: []ports.PendingActivity{{
			Ordinal: 3, Type: "Pay", Queue: "fast", Attempt: 2, MaxAttempts: 5, Phase: ports.PhaseBackingOff, ScheduledAt: at(5), NextAt: at(6),
			LastFailure: failure(), Worker: "w-1", Heartbeat: payload("0.5"), Token: []byte{0, 255},
		}},
		Timers:          []ports.PendingTimer{{Ordinal: 4, DueAt: at(7)}},
		Children:        []ports.OpenChild{{Ordinal: 5, Type: "C", WorkflowID: "r/5", Run: "c", AskedAt: at(8), Canceling: true}, {Ordinal: 6, Type: "D", WorkflowID: "d", AskedAt: at(9)}},
		Parent:          &ports.WorkflowRef{Namespace: "ns", WorkflowID: "p", Run: "pr"},
		Blocked:         &ports.BlockedInfo{What: "fuel", Message: "too much", AtSeq: 9, Expected: "a", Found: "b", Limit: 1 << 40, Size: 1 << 41, Stack: "s", Since: at(8)},
		Undelivered:     3,
		HistoryWarning:  "it is long",
		CancelRequested: true,
		Updates:         []ports.PendingUpdate{{ID: "u-1", Name: "change", AcceptedAt: at(9)}},
	}
	d.Run.Blocked = d.Blocked.What
	return d
}

// events are two events in the stored encoding: a TimerFired of ordinal 2, and one of a kind and with a field that nobody knows.
func events() []byte {
	known := []byte{0x08, 7, 0x12, 2, 0x08, 9, 0xca, 0x02, 2, 0x08, 2}
	unknown := []byte{0x08, 8, 0x12, 2, 0x08, 9, 0xfa, 0x3e, 3, 'x', 'y', 'z', 0xa0, 0x3f, 1}
	b := append([]byte{0x0a, byte(len(known))}, known...)
	return append(append(b, 0x0a, byte(len(unknown))), unknown...)
}

// [PAY-1] A call arrives as it was made, and its answer comes back as it was given.
func testRoundTrips(t *testing.T, dial Dial) {
	for _, c := range slices.Concat(trips(), namespaceTrips(), scheduleTrips()) {
		t.Run(c.method, func(t *testing.T) {
			s := &Service{Reply: func(context.Context, Call) (any, error) { return c.answer, nil }}
			got, err := c.call(bounded(t), dial(t, setup(s)))
			if err != nil {
				t.Fatal(err)
			}
			if h, ok := got.(ports.HistoryResult); ok && len(h.Bytes) == 0 {
				t.Fatal("no events came back")
			}
			if c.method == "History" {
				// Clients that read JSON do not see kinds that the contract does not have.
				want, h := c.answer.(ports.HistoryResult), got.(ports.HistoryResult)
				if !strings.HasPrefix(string(h.Bytes), string(want.Bytes[:13])) {
					t.Fatalf("events came back as %x, want %x", h.Bytes, want.Bytes)
				}
				h.Bytes, want.Bytes = nil, nil
				got, c.answer = h, want
			}
			if !reflect.DeepEqual(got, c.answer) {
				t.Errorf("the answer came back as\n%+v, want\n%+v", got, c.answer)
			}
			calls := s.Calls()
			if len(calls) != 1 || calls[0].Method != c.method || !reflect.DeepEqual(calls[0].Request, c.request) {
				t.Errorf("the service was asked\n%+v, want one call of %s\n%+v", calls, c.method, c.request)
			}
		})
	}
}

// Every way in which a run may stand or end is told from the others.
func testOutcomes(t *testing.T, dial Dial) {
	var want ports.Outcome
	s := dial(t, setup(&Service{Reply: func(context.Context, Call) (any, error) { return want, nil }}))
	blocked := *description().Blocked
	blocked.Since = time.Time{} // not in an outcome
	for _, want = range []ports.Outcome{
		{Run: "r", Status: model.StatusCompleted, Result: payload("1")},
		{Run: "r", Status: model.StatusCompleted},
		{Run: "r", Status: model.StatusFailed, Failure: failure()},
		{Run: "r", Status: model.StatusCanceled, Result: payload("1")},
		{Run: "r", Status: model.StatusCanceled},
		{Run: "r", Status: model.StatusTerminated, Reason: "enough"},
		{Run: "r", Status: model.StatusTimedOut, Timeout: model.TimeoutRun},
		{Run: "r", Status: model.StatusRunning, WaitingFor: "a signal"},
		{Run: "r", Status: model.StatusRunning, Blocked: &blocked},
		{Run: "r", Status: model.StatusContinuedAsNew},
	} {
		got, err := s.Result(bounded(t), ports.ResultRequest{Ref: ref()})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v\nwant %+v", got, err, want)
		}
	}
}

// [ID-2] Identifiers and payloads are not the transport's to look at: whatever valid text and whatever bytes they are, they come through.
func testAnyText(t *testing.T, dial Dial) {
	s := &Service{}
	client, ctx := dial(t, setup(s)), bounded(t)
	texts := rapid.OneOf(
		rapid.SampledFrom([]string{"2024-01-02", "'; --", "a\x00b", "order/7:a%20é", "../..", "日本語", "\u202e", strings.Repeat("x", 255), " ", "%2F", "👩‍👩‍👧"}),
		rapid.StringN(0, 20, 255),
	)
	seen := 0
	rapid.Check(t, func(t *rapid.T) {
		want := ports.StartRequest{
			Namespace:  model.Namespace(texts.Draw(t, "namespace")),
			WorkflowID: model.WorkflowID(texts.Draw(t, "workflow")),
			Type:       model.WorkflowType(texts.Draw(t, "type")),
			RequestID:  model.RequestID(texts.Draw(t, "request")),
			TaskQueue:  model.TaskQueue(texts.Draw(t, "queue")),
			Input:      model.Payload{ContentType: texts.Draw(t, "content type"), Metadata: map[string]string{texts.Draw(t, "key"): texts.Draw(t, "value")}},
			Wait:       time.Duration(rapid.Int64Min(0).Draw(t, "wait")),
			Identity:   Subject,
		}
		if data := rapid.SliceOf(rapid.Byte()).Draw(t, "data"); len(data) > 0 {
			want.Input.Data = data
		}
		if _, err := client.Start(ctx, want); err != nil {
			t.Fatal(err)
		}
		calls := s.Calls()
		if seen++; len(calls) != seen || !reflect.DeepEqual(calls[seen-1].Request, want) {
			t.Fatalf("arrived as %+v, want %+v", calls[len(calls)-1].Request, want)
		}
	})
}
