package websocket_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/aionrun/aion/adapters/transport/websocket"
	"github.com/aionrun/aion/aiontest"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"

	"context"
)

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	note   = workflow.DefineSignal[string]("Note")
	listen = workflow.Define("Listen", func(ctx workflow.Context, n int) (int, error) {
		for range n {
			if _, err := note.Receive(ctx); err != nil {
				return 0, err
			}
		}
		return n, nil
	})
)

// current is the engine that is there now: it is another one after a restart.
type current struct{ env *aiontest.Env }

func (c current) Subscribe(ctx context.Context, r ports.SubscribeRequest, deliver func(ports.EventFrame) error) error {
	return c.env.Engine().Subscribe(ctx, r, deliver)
}

// [S-3] [EVT-2] Over a real socket that is cut at random points under load, with restarts of the engine: no gap and no duplicate, neither for the
// namespace by its cursor nor for a run by its seq.
func TestResume(t *testing.T) {
	ctx := bounded(t)
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{listen}})
	url := serve(t, websocket.Options{Service: current{env}})
	const runs, each = 10, 30
	var ids []model.RunID
	for i := range runs {
		res, err := env.Engine().Start(ctx, ports.StartRequest{WorkflowID: model.WorkflowID(fmt.Sprint("w", i)), Type: "Listen", Input: model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(fmt.Sprint(each))}})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, res.Run)
	}
	var done atomic.Bool
	var load sync.WaitGroup
	load.Go(func() {
		defer done.Store(true)
		for k := range each {
			for i := range ids {
				in := model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(`"x"`)}
				if _, err := env.Engine().Signal(ctx, ports.SignalRequest{Ref: ports.WorkflowRef{WorkflowID: model.WorkflowID(fmt.Sprint("w", i))}, Name: "Note", Input: in}); err != nil {
					t.Error(err)
				}
			}
			if k%10 == 9 {
				env.Restart()
			}
		}
	})
	got := map[model.RunID]uint32{} // the last seq, by the namespace's subscription
	own := uint32(0)                // of the first run, by its own
	cursor, caughtUp, ended := "", false, false
	r := rand.New(rand.NewPCG(3, 4))
	for cuts := 0; !(done.Load() && caughtUp && ended); cuts++ {
		last := done.Load() // whatever comes now is all that will
		caughtUp = false
		c := dial(t, url)
		c.send(fmt.Sprintf(`{"subscribe":{"id":"all","cursor":%q,"fromStart":true}}`, cursor))
		c.send(fmt.Sprintf(`{"subscribe":{"id":"own","run":{"workflowId":"w0","runId":%q,"fromSeq":%d}}}`, ids[0], own+1))
		for left := 1 + r.IntN(40); left > 0 || last; left-- {
			_, f, err := c.next()
			if err != nil || f.GetError() != nil {
				break // the engine restarts
			}
			for _, e := range f.GetEvents().GetEvents() {
				at := &own
				if f.GetId() == "all" {
					n := got[model.RunID(f.GetEvents().GetRunId())]
					at = &n
				}
				if e.GetSeq() != *at+1 {
					t.Fatalf("%s: event %d of run %s follows event %d", f.GetId(), e.GetSeq(), f.GetEvents().GetRunId(), *at)
				}
				if *at = e.GetSeq(); f.GetId() == "all" {
					got[model.RunID(f.GetEvents().GetRunId())] = *at
				}
			}
			switch x := f.GetFrame().(type) {
			case *aionv1.EventFrame_Events:
				if f.GetId() == "all" {
					cursor = x.Events.GetCursor()
				}
			case *aionv1.EventFrame_CaughtUp:
				if f.GetId() == "all" {
					cursor, caughtUp = x.CaughtUp.GetCursor(), last
				}
			case *aionv1.EventFrame_End:
				ended = true
			}
			if last && caughtUp && ended {
				break
			}
		}
		c.c.CloseNow()
	}
	load.Wait()
	for i, id := range ids {
		page, err := env.Engine().History(ctx, ports.HistoryRequest{Ref: ports.WorkflowRef{WorkflowID: model.WorkflowID(fmt.Sprint("w", i)), Run: id}, MaxBytes: 4 << 20})
		if err != nil || page.Next != 0 {
			t.Fatal(page.Next, err)
		}
		all, err := history.DecodePage(page.Bytes)
		if err != nil || got[id] != uint32(len(all)) {
			t.Errorf("run %s: %d events of %d, %v", id, got[id], len(all), err)
		}
		if i == 0 && own != uint32(len(all)) {
			t.Errorf("the run's own subscription: %d events of %d", own, len(all))
		}
	}
}
