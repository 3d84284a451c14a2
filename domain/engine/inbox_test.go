package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// office is a chain outside of the engine that writes letters and keeps the answers. Its appends go to the store itself.
type office struct {
	t     testing.TB
	st    ports.Store
	chain ports.Chain
	key   model.ChainKey
	link  history.Link
}

func newOffice(t testing.TB, st ports.Store) *office {
	o := &office{t: t, st: st, key: model.ChainKey{Namespace: "default", WorkflowID: "office"}, link: history.Link{WorkflowID: "office", Run: "run-office"}}
	a := &ports.Append{Key: o.key, Chain: ports.Chain{Version: 1, CurrentRun: o.link.Run, HeadSeq: 1},
		Runs:    []ports.Run{{ID: o.link.Run, Key: o.key, Type: "Office", Status: model.StatusCompleted, Package: model.NativePackage, StartedAt: time.Unix(1, 0), ClosedAt: time.Unix(2, 0)}},
		History: []ports.HistoryRow{{Run: o.link.Run, First: 1, Last: 1, Bytes: history.AppendEvent(nil, &history.Event{Seq: 1, Attr: &history.Started{Type: "Office"}})}}}
	if _, err := st.Append(ctx, a); err != nil {
		t.Fatal(err)
	}
	o.chain = a.Chain
	return o
}

// write puts a letter into an inbox; nobody is told.
func (o *office) write(to model.WorkflowID, m history.Message) history.Link {
	o.t.Helper()
	o.link.Ordinal++
	o.put(to, o.link, m)
	return o.link
}

func (o *office) put(to model.WorkflowID, link history.Link, m history.Message) {
	o.t.Helper()
	l := history.Letter{Link: link, Message: m}
	for {
		c, _, err := o.st.Chain(ctx, o.key)
		if err != nil {
			o.t.Fatal(err)
		}
		a := &ports.Append{Key: o.key, Expect: c.Version, Chain: c, Send: []ports.Message{{Target: model.ChainKey{Namespace: "default", WorkflowID: to}, DedupKey: l.Key(), Bytes: l.Encode()}}}
		a.Chain.Version++
		switch _, err = o.st.Append(ctx, a); {
		case err == nil:
			return
		case !fault.Has(err, fault.Conflict): // else the engine has taken a letter to the office meanwhile
			o.t.Fatal(err)
		}
	}
}

// answers are the letters that the engine has sent to the office, in order.
func answers(t testing.TB, f *faulty) func() []string {
	var got []string
	seen := map[string]bool{}
	f.set(func(a *ports.Append) how {
		for _, m := range a.Send {
			l, err := history.DecodeLetter(m.Bytes)
			if err != nil {
				t.Error(err)
			}
			if m.Target.WorkflowID == "office" && !seen[m.DedupKey] {
				seen[m.DedupKey] = true
				text := fmt.Sprintf("%d %T", l.Link.Ordinal, l.Message)
				switch x := l.Message.(type) {
				case *history.RunNotStarted:
					text += " " + x.Reason
				case *history.NotDelivered:
					text += " " + x.Reason
				case *history.RunClosed:
					text += " " + x.Closing.Kind().String()
				}
				got = append(got, text)
			}
		}
		return fine
	}, nil)
	return func() []string { return got }
}

// [M-1] Letters are consumed once each, in order, with the step that records what they say, and answered: also by chains that do not exist or are closed.
// Nobody was told of these: the engine finds them when it starts.
func TestLetters(t *testing.T) {
	env, f := withFaults(t, nil, listen, echo)
	got := answers(t, f)
	o := newOffice(t, f.Store)
	o.write("a", &history.StartRun{Type: "Listen", Input: payload(2), Watch: true})
	o.write("a", &history.SignalRun{Name: "Note", Input: payload("x"), Answer: true})
	o.write("a", &history.StartRun{Type: "Listen", Input: payload(2), Watch: true})
	o.write("b", &history.SignalRun{Name: "Note", Answer: true})
	o.write("b", &history.EndRun{Answer: true})
	o.write("b", &history.SignalRun{Name: "Note"})
	o.write("c", &history.StartRun{Type: "Nothing", Watch: true})
	o.write("d", &history.StartRun{Type: "Echo", Input: payload("hi"), Watch: true})
	env.Restart()
	env.Advance(time.Second)
	a := ports.WorkflowRef{WorkflowID: "a"}
	if k := kinds(t, env, a); k != "Started SignalReceived Activated" {
		t.Error(k)
	}
	if s := find[*history.Started](t, env, a)[0]; s.Parent != (history.Link{WorkflowID: "office", Run: "run-office", Ordinal: 1}) {
		t.Errorf("%+v", s.Parent)
	}
	for _, id := range []model.WorkflowID{"b", "c"} {
		_, err := env.Engine().Describe(ctx, ports.WorkflowRef{WorkflowID: id})
		want(t, err, fault.NotFound)
	}
	link := history.Link{WorkflowID: "office", Run: "run-office"}
	for _, n := range []model.Ordinal{1, 7} {
		link.Ordinal = n
		o.put("a", history.Link{WorkflowID: "office", Run: "run-office", Ordinal: 100 + n}, &history.SignalRun{Name: "Note", Input: payload("y"), Mine: link, Answer: true})
	}
	env.Restart()
	env.Advance(time.Second)
	o.write("a", &history.SignalRun{Name: "Note", Answer: true})
	o.write("a", &history.EndRun{Terminate: true, Answer: true})
	env.Restart()
	env.Advance(time.Second)
	byKey := map[string]bool{}
	for _, x := range got() {
		byKey[x] = true
	}
	for _, x := range []string{
		"1 *history.RunStarted", "2 *history.Delivered", "3 *history.RunNotStarted already_exists", "4 *history.NotDelivered not_found", "5 *history.NotDelivered not_found",
		"7 *history.RunNotStarted no_route", "8 *history.RunStarted", "8 *history.RunClosed Completed", "101 *history.Delivered", "107 *history.NotDelivered not_running",
		"1 *history.RunClosed Completed", "9 *history.NotDelivered not_running", "10 *history.NotDelivered not_running",
	} {
		if !byKey[x] {
			t.Errorf("no answer %q", x)
		}
		delete(byKey, x)
	}
	if len(byKey) > 0 {
		t.Errorf("also answered: %v", byKey)
	}
	if left, err := f.InboxTargets(ctx, 0, nil, 10); err != nil || len(left) > 0 {
		t.Errorf("left in inboxes: %v, %v", left, err)
	}
}

// [M-1] Whatever becomes of the commits, each letter takes effect once.
func TestLettersOverFailingCommits(t *testing.T) {
	for h := unavailable; h <= lostAnswer; h++ {
		t.Run(fmt.Sprint(h), func(t *testing.T) {
			env, f := withFaults(t, nil, listen)
			o := newOffice(t, f.Store)
			o.write("a", &history.StartRun{Type: "Listen", Input: payload(3), Watch: true})
			for i := range 3 {
				o.write("a", &history.SignalRun{Name: "Note", Input: payload(fmt.Sprint(i)), Answer: true})
			}
			o.write("none", &history.SignalRun{Name: "Note", Answer: true})
			n := 0
			f.set(func(*ports.Append) how {
				if n++; n < 12 && n%3 != 0 {
					return h
				}
				return fine
			}, nil)
			env.Restart()
			env.Advance(time.Minute)
			f.set(nil, nil)
			env.Restart()
			env.Advance(time.Minute)
			r := ports.WorkflowRef{WorkflowID: "a"}
			if s := standing(t, env, r); string(s.Result.Data) != `["0","1","2"]` {
				t.Errorf("%+v %s", s, kinds(t, env, r))
			}
			if left, err := f.InboxTargets(ctx, 0, nil, 10); err != nil || len(left) > 0 {
				t.Errorf("left in inboxes: %v, %v", left, err)
			}
			if runs, _, _ := env.Engine().List(ctx, ports.ListQuery{}); len(runs) != 2 {
				t.Errorf("%d runs", len(runs))
			}
		})
	}
}

// [B-1] Letters for which a run has no room stay in its inbox, and enter when it goes on.
func TestLettersWaitForRoom(t *testing.T) {
	env, f := withFaults(t, func(o *aion.Options) { o.Limits.BacklogEvents = 5; o.ResidentBytes = 1 }, listen)
	start(t, env, ports.StartRequest{WorkflowID: "a", Type: "Listen", Input: payload(700)})
	if _, err := env.Engine().Pause(ctx, ports.EndRequest{Ref: ports.WorkflowRef{WorkflowID: "a"}}); err != nil {
		t.Fatal(err)
	}
	o := newOffice(t, f.Store)
	for i := range 700 {
		o.write("a", &history.SignalRun{Name: "Note", Input: payload(fmt.Sprint(i))})
	}
	env.Restart()
	env.Advance(time.Minute)
	r := ports.WorkflowRef{WorkflowID: "a"}
	if n := len(find[*history.SignalReceived](t, env, r)); n != 5 {
		t.Errorf("%d signals entered", n)
	}
	if _, err := env.Engine().Resume(ctx, ports.EndRequest{Ref: r}); err != nil {
		t.Fatal(err)
	}
	env.Advance(time.Minute)
	got := find[*history.SignalReceived](t, env, r)
	for i, s := range got {
		if string(s.Input.Data) != fmt.Sprintf("%q", fmt.Sprint(i)) {
			t.Fatalf("signal %d is %s", i, s.Input.Data)
		}
	}
	if o := standing(t, env, r); len(got) != 700 || o.Status != model.StatusCompleted {
		t.Errorf("%d signals, %+v", len(got), o)
	}
}

// A letter that a newer version wrote stays where it is, and harms nobody else.
func TestUnknownLetter(t *testing.T) {
	st := memory.New()
	env := aiontest.New(t, aiontest.Options{Workflows: defs(listen).Workflows, Configure: func(o *aion.Options) { o.Store = st }})
	start(t, env, ports.StartRequest{WorkflowID: "a", Type: "Listen", Input: payload(1)})
	o := newOffice(t, st)
	l := history.Letter{Link: o.link, Message: &history.SignalRun{Name: "Note", Input: payload("x")}}
	unknown := append([]byte{}, l.Encode()...)
	unknown = append(unknown[:len(unknown):len(unknown)], 0xfa, 0x3f, 0)
	a := &ports.Append{Key: o.key, Expect: 1, Chain: o.chain, Send: []ports.Message{{Target: model.ChainKey{Namespace: "default", WorkflowID: "a"}, DedupKey: "u", Bytes: unknown}}}
	a.Chain.Version++
	if _, err := st.Append(ctx, a); err != nil {
		t.Fatal(err)
	}
	o.write("a", &history.SignalRun{Name: "Note", Input: payload("x")})
	env.Restart()
	env.Advance(time.Minute)
	if s := standing(t, env, ports.WorkflowRef{WorkflowID: "a"}); s.Status != model.StatusCompleted {
		t.Errorf("%+v", s)
	}
	if left, err := st.Inbox(ctx, model.ChainKey{Namespace: "default", WorkflowID: "a"}, 10); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}
