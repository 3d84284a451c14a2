package engine_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/activity/attempt"
	"github.com/aionrun/aion/sdk/workflow"
)

// op is one thing that a random workflow does; sub are those that it does inside.
type op struct {
	K   string
	D   time.Duration `json:",omitempty"`
	N   int           `json:",omitempty"`
	Sub []op          `json:",omitempty"`
}

var variants = []activity.Options{
	{},
	{StartToClose: 20 * time.Second, Retry: activity.Retry{MaximumAttempts: 3}},
	{AtMostOnce: true},
	{Heartbeat: 10 * time.Second, Retry: activity.Retry{MaximumAttempts: 4, InitialInterval: 100 * time.Millisecond}},
	{ScheduleToClose: time.Minute},
	{ScheduleToStart: 2 * time.Minute, Retry: activity.Retry{InitialInterval: time.Minute, Coefficient: 1, MaximumAttempts: 2}},
	{Cancellation: activity.WaitCancel, Retry: activity.Retry{MaximumAttempts: 2}},
	{Cancellation: activity.Abandon},
}

// script runs a random workflow.
var script = workflow.Define("Script", func(ctx workflow.Context, ops []op) (string, error) {
	var out []string
	notes.Handle(ctx, func(workflow.None) ([]string, error) { return out, nil })
	err := perform(ctx, ops, &out)
	if errors.Is(err, workflow.ErrCanceled) && len(ops)%2 == 0 {
		_, _ = work.Execute(workflow.Detached(ctx), "clean-up")
	}
	return strings.Join(out, ","), err
})

func perform(ctx workflow.Context, ops []op, out *[]string) error {
	for _, o := range ops {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch o.K {
		case "act":
			v, err := work.With(variants[o.N%len(variants)]).Execute(ctx, "x")
			*out = append(*out, fmt.Sprint(v, err != nil))
			if errors.Is(err, workflow.ErrCanceled) {
				return err
			}
		case "drop":
			inner, cancel := workflow.WithCancel(ctx)
			f := work.With(variants[o.N%len(variants)]).Start(inner, "x")
			err := workflow.Sleep(ctx, o.D)
			cancel()
			v, e := f.Get(workflow.Detached(ctx))
			*out = append(*out, fmt.Sprint(v, e != nil))
			if err != nil {
				return err
			}
		case "sleep":
			if err := workflow.Sleep(ctx, o.D); err != nil {
				return err
			}
		case "note":
			got := "none"
			err := workflow.Select(ctx, note.On(func(s string, _ error) { got = s }), workflow.After(o.D, func() {}))
			*out = append(*out, got)
			if err != nil {
				return err
			}
		case "all":
			var fs []workflow.Future[workflow.None]
			for _, s := range o.Sub {
				fs = append(fs, workflow.Async(ctx, func(ctx workflow.Context) (workflow.None, error) {
					return workflow.None{}, perform(ctx, []op{s}, out)
				}))
			}
			if _, err := workflow.All(ctx, fs...); err != nil {
				return err
			}
		case "patch":
			*out = append(*out, fmt.Sprint(workflow.Patched(ctx, fmt.Sprint("p", o.N%7))))
		case "dice":
			*out = append(*out, fmt.Sprint(workflow.Rand(ctx).IntN(100)), workflow.UUID(ctx), fmt.Sprint(workflow.Now(ctx).Unix()))
		}
	}
	return nil
}

// chaos is a random test: an engine, a store that fails now and then, workers that are lost, and what was promised to callers.
type chaos struct {
	t     *testing.T
	dice  *rand.Rand
	env   *aiontest.Env
	store *faulty

	runs    []ports.WorkflowRef
	signals map[model.RunID]map[string]bool // acknowledged, by text
	sent    int

	mu    sync.Mutex
	calls map[string]int // attempts that were run, by activity
	once  map[string]int // calls of at-most-once activities
}

// [HIS-1] TestRandom drives random workflows with random inputs, restarts and failures. Afterwards every run has ended as it should: one closing event, each
// activity settled once and never run after that, what was acknowledged in the history, no at-most-once activity run twice, and every history replays.
func TestRandom(t *testing.T) {
	seeds, first := 60, 0
	if s := os.Getenv("AION_SEED"); s != "" { // to run one that failed again
		first, _ = strconv.Atoi(s)
		seeds = 1
	}
	for seed := first; seed < first+seeds; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			c := &chaos{t: t, dice: rand.New(rand.NewPCG(uint64(seed), 1)), store: &faulty{Store: memory.New()}, signals: map[model.RunID]map[string]bool{}, calls: map[string]int{}, once: map[string]int{}}
			c.run()
		})
	}
}

func (c *chaos) run() {
	a, b := native.NewProgram(hashA, script), native.NewProgram(hashB, script)
	c.env = versions(c.t, func(o *aion.Options) {
		for _, h := range []model.PackageHash{hashA, hashB} {
			if err := c.store.PutPackage(ctx, ports.Package{Hash: h}); err != nil {
				c.t.Fatal(err)
			}
		}
		o.Store = c.store
		if c.dice.IntN(2) == 0 {
			o.ResidentBytes = 1
		}
		if c.dice.IntN(3) == 0 {
			o.Limits.StepEvents = 20
		}
	}, a, b)
	aiontest.Handle(c.env, work, c.work)
	for range 40 + c.dice.IntN(60) {
		c.step()
	}
	c.end()
}

// work is the activity: what it does depends on the run, the activity and the attempt.
func (c *chaos) work(ctx context.Context, s string) (string, error) {
	info := attempt.Info(ctx)
	h := fnv.New32()
	fmt.Fprint(h, info.WorkflowID, info.ActivityID, info.Attempt)
	c.mu.Lock()
	c.calls[info.Key]++
	c.mu.Unlock()
	if page, err := c.env.Engine().History(context.Background(), ports.HistoryRequest{Ref: ports.WorkflowRef{WorkflowID: model.WorkflowID(info.WorkflowID), Run: model.RunID(info.RunID)}, MaxBytes: 4 << 20}); err == nil {
		events, _ := history.DecodePage(page.Bytes)
		for _, e := range events {
			o, _ := settledBy(e.Attr)
			if k := e.Kind(); o == model.Ordinal(info.ActivityID) && (k == history.KindActivityCompleted || k == history.KindActivityFailed) {
				c.t.Errorf("activity %d of %s runs (attempt %d) after %v was recorded", info.ActivityID, info.WorkflowID, info.Attempt, e.Kind())
			}
			if a, ok := e.Attr.(*history.ActivityScheduled); ok && a.Ordinal == model.Ordinal(info.ActivityID) && a.Options.AtMostOnce {
				c.mu.Lock()
				if c.once[info.Key]++; c.once[info.Key] > 1 {
					c.t.Errorf("the at-most-once activity %d of %s runs again", info.ActivityID, info.WorkflowID)
				}
				c.mu.Unlock()
			}
		}
	}
	switch n := h.Sum32() % 12; {
	case s == "clean-up" || n < 5:
	case n < 7:
		return "", busy
	case n == 7:
		panic("now and then")
	case n == 8:
		return "", busy.Errorf("never").NonRetryable()
	case n == 9:
		if err := aiontest.Sleep(ctx, time.Hour); err != nil {
			return "", err
		}
	default:
		for range 5 {
			if err := aiontest.Sleep(ctx, 3*time.Second); err != nil {
				return "", err
			}
			if err := attempt.Heartbeat(ctx, n); err != nil {
				return "", err
			}
		}
	}
	return fmt.Sprint(info.ActivityID), nil
}

// settledBy gives the activity that an event settles.
func settledBy(a history.Attributes) (model.Ordinal, bool) {
	switch a := a.(type) {
	case *history.ActivityCompleted:
		return a.Ordinal, true
	case *history.ActivityFailed:
		return a.Ordinal, true
	case *history.ActivityTimedOut:
		return a.Ordinal, true
	case *history.ActivityCanceled:
		return a.Ordinal, true
	}
	return 0, false
}

func (c *chaos) ops(deep int) []op {
	out := make([]op, c.dice.IntN(5))
	for i := range out {
		o := op{K: []string{"act", "act", "drop", "sleep", "note", "all", "dice", "patch"}[c.dice.IntN(8)], D: time.Duration(c.dice.IntN(90)) * time.Second, N: c.dice.IntN(20)}
		if o.K == "all" && deep < 3 {
			o.Sub = c.ops(deep + 1)
		}
		out[i] = o
	}
	return out
}

// step does one random thing from outside. A call that fails because of the store may be repeated, with its request ID.
func (c *chaos) step() {
	e := c.env.Engine()
	tolerate := func(what string, err error) {
		if err != nil && !fault.Has(err, fault.Unavailable) && !fault.Has(err, fault.NotRunning) && !fault.Has(err, fault.Overloaded) {
			c.t.Errorf("%s: %v", what, err)
		}
	}
	var r ports.WorkflowRef
	if len(c.runs) > 0 {
		r = c.runs[c.dice.IntN(len(c.runs))]
	}
	id := model.RequestID(fmt.Sprint("r", c.sent))
	c.sent++
	n := c.dice.IntN(16)
	switch {
	case n <= 2 || len(c.runs) == 0:
		req := ports.StartRequest{Type: "Script", Input: payload(c.ops(0)), RequestID: id}
		if c.dice.IntN(4) == 0 {
			req.RunTimeout = time.Duration(c.dice.IntN(600)+1) * time.Second
		}
		for tries := 0; ; tries++ {
			res, err := e.Start(ctx, req)
			if err == nil {
				c.runs = append(c.runs, ports.WorkflowRef{WorkflowID: res.WorkflowID, Run: res.Run})
				break
			}
			if tolerate("start", err); tries > 20 {
				c.store.set(nil, nil)
			}
		}
	case n <= 5:
		text := fmt.Sprint("n", c.sent)
		for range 1 + c.dice.IntN(3) {
			err := signal(c.env, r, text, id)
			if tolerate("signal", err); err == nil {
				if c.signals[r.Run] == nil {
					c.signals[r.Run] = map[string]bool{}
				}
				c.signals[r.Run][text] = true
			}
		}
	case n == 6:
		if c.dice.IntN(2) == 0 {
			_, err := e.Cancel(ctx, ports.EndRequest{Ref: r, RequestID: id})
			tolerate("cancel", err)
		}
	case n == 7:
		if c.dice.IntN(4) == 0 {
			_, err := e.Terminate(ctx, ports.EndRequest{Ref: r, RequestID: id})
			tolerate("terminate", err)
		}
	case n == 8:
		_, err := e.Query(ctx, ports.QueryRequest{Ref: r, Name: "Notes"})
		tolerate("query", err)
	case n == 9:
		_, _, err := e.Repin(ctx, ports.RepinRequest{Ref: r, Package: []model.PackageHash{hashA, hashB}[c.dice.IntN(2)]})
		tolerate("repin", err)
	case n == 10:
		c.env.Restart()
	case n == 14:
		_, err := e.Pause(ctx, ports.EndRequest{Ref: r, RequestID: id})
		tolerate("pause", err)
	case n == 15:
		_, err := e.Resume(ctx, ports.EndRequest{Ref: r, RequestID: id})
		tolerate("resume", err)
	case n == 11:
		kind, left := how(1+c.dice.IntN(6)), c.dice.IntN(8)
		c.store.set(times(left, kind), nil)
	default:
		c.env.Advance(time.Duration(c.dice.IntN(40_000)) * time.Millisecond)
	}
	if c.dice.IntN(3) > 0 {
		c.env.Wait()
	}
}

// end lets everything come to its end, and looks at what is there.
func (c *chaos) end() {
	c.store.set(nil, nil)
	c.env.Advance(30 * time.Minute)
	if c.dice.IntN(2) == 0 {
		c.env.Restart()
	}
	for _, r := range c.runs {
		if _, err := c.env.Engine().Resume(ctx, ports.EndRequest{Ref: r}); err != nil && !fault.Has(err, fault.NotRunning) {
			c.t.Error(err)
		}
	}
	for range 400 {
		c.env.Advance(time.Hour)
		open := false
		for _, r := range c.runs {
			open = open || standing(c.t, c.env, r).Status.Open()
		}
		if !open {
			break
		}
	}
	for _, r := range c.runs {
		c.inspect(r)
	}
	if all, _, err := c.env.Engine().List(ctx, ports.ListQuery{Limit: 10_000}); err != nil || len(all) != len(c.runs) {
		c.t.Errorf("%d runs were acknowledged, %d are there, %v", len(c.runs), len(all), err)
	}
	if q, err := c.env.Engine().TaskQueues(ctx, ""); err != nil || len(q) != 1 || q[0].Buffered != 0 || q[0].Backlog || q[0].SlotsUsed != 0 {
		c.t.Errorf("queues %+v, %v", q, err)
	}
	c.env.Wait()
	if n := c.env.Engine().Resident(); n != 0 {
		c.t.Errorf("%d runs in memory", n)
	}
	if n := c.env.Engine().Attempts(); n != 0 {
		c.t.Errorf("%d attempts are still known", n)
	}
	if due, err := c.store.Due(ctx, 0, time.Unix(1<<40, 0), nil, 10); err != nil || len(due) != 0 {
		c.t.Errorf("due: %+v, %v", due, err)
	}
}

func (c *chaos) inspect(r ports.WorkflowRef) {
	o := standing(c.t, c.env, r)
	if o.Status.Open() {
		c.t.Errorf("%s is still %+v %+v", r.WorkflowID, o, o.Blocked)
	}
	closings, settled, received := 0, map[model.Ordinal]int{}, map[string]int{}
	es := events(c.t, c.env, r)
	for i, e := range es {
		if e.Kind().Closing() {
			closings++
		}
		if i > 0 && e.Time < es[i-1].Time {
			c.t.Errorf("[T-1] time goes backwards at event %d", e.Seq)
		}
		if o, ok := settledBy(e.Attr); ok {
			settled[o]++
		}
		switch a := e.Attr.(type) {
		case *history.SignalReceived:
			received[strings.Trim(string(a.Input.Data), `"`)]++
		case *history.ActivityCompleted:
			if got := string(a.Result.Data); got != fmt.Sprintf(`"%d"`, a.Ordinal) {
				c.t.Errorf("activity %d has the result %s", a.Ordinal, got)
			}
		case *history.Blocked:
			c.t.Errorf("%s was blocked: %+v", r.WorkflowID, a)
		}
	}
	if closings != 1 {
		c.t.Errorf("%s has %d closing events", r.WorkflowID, closings)
	}
	for o, n := range settled {
		if n != 1 {
			c.t.Errorf("activity %d of %s was settled %d times", o, r.WorkflowID, n)
		}
	}
	for text := range c.signals[r.Run] {
		if received[text] != 1 {
			c.t.Errorf("signal %s to %s is in the history %d times", text, r.WorkflowID, received[text])
		}
	}
	for text, n := range received {
		if n != 1 {
			c.t.Errorf("signal %s was recorded %d times", text, n)
		}
	}
}
