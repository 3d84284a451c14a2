package transporttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func registration() ports.WorkerRegistration {
	return ports.WorkerRegistration{
		Namespaces: []model.Namespace{"shop", "play"}, Queues: []model.TaskQueue{"fast", "slow"}, ActivityTypes: []model.ActivityType{"Pay", "Ship"},
		Slots: 8, Identity: "host:1", SDK: "go/1.0", BuildID: "b1", Executing: [][]byte{{1, 0, 255}, []byte("t2")},
	}
}

func task(n int) ports.ActivityTask {
	return ports.ActivityTask{
		Token: fmt.Append(nil, "token\x00\xff", n), Key: model.ChainKey{Namespace: "shop", WorkflowID: "order/7:a é"}, Run: "r1", WorkflowType: "PlaceOrder",
		Ordinal: model.Ordinal(n), Type: "Pay", Queue: "fast", Attempt: 3, Input: payload(`{"cents":7}`), Header: map[string]string{"traceparent": "00-1"},
		ScheduledAt: at(1), Deadline: at(2), Heartbeat: 1500 * time.Millisecond, LastDetails: payload("0.5"),
	}
}

// open registers a worker and gives both ends.
func open(ctx context.Context, t *testing.T, dial Dial) (*Session, ports.WorkerSession) {
	t.Helper()
	session := NewSession(ports.WorkerInfo{ID: "w-1"})
	client := dial(t, setup(&Service{Reply: func(context.Context, Call) (any, error) { return session, nil }}))
	w, err := client.Register(ctx, registration())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return session, w
}

func testWorkers(t *testing.T, dial Dial) {
	t.Run("Register", func(t *testing.T) {
		info := ports.WorkerInfo{ID: "w-1", HeartbeatWindow: 30 * time.Second, Unknown: [][]byte{[]byte("t2")}}
		s := &Service{Reply: func(context.Context, Call) (any, error) { return NewSession(info), nil }}
		w, err := dial(t, setup(s)).Register(bounded(t), registration())
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if !reflect.DeepEqual(w.Info(), info) {
			t.Errorf("info %+v, want %+v", w.Info(), info)
		}
		if c := s.Calls(); len(c) != 1 || !reflect.DeepEqual(c[0].Request, registration()) {
			t.Errorf("registered %+v, want %+v", c, registration())
		}
	})
	t.Run("ErrInvalidInput/slots", func(t *testing.T) {
		s := &Service{}
		for _, slots := range []int{0, -1, 1 << 31} {
			bad := registration()
			bad.Slots = slots
			_, err := dial(t, setup(s)).Register(bounded(t), bad)
			wantReason(t, err, fault.InvalidInput)
		}
		if len(s.Calls()) > 0 {
			t.Fatal("the service was called")
		}
	})
	t.Run("Frames", func(t *testing.T) { testFrames(t, dial) })
	t.Run("FromWorker", func(t *testing.T) { testFromWorker(t, dial) })
	t.Run("ManyAtOnce", func(t *testing.T) { testManyAtOnce(t, dial) })
	t.Run("Ends", func(t *testing.T) { testEnds(t, dial) })
}

// What a session has for its worker arrives unchanged and in order, several things in one frame.
func testFrames(t *testing.T, dial Dial) {
	ctx := bounded(t)
	session, w := open(ctx, t, dial)
	bare := ports.ActivityTask{Token: []byte("t"), Attempt: 1}
	many := make([]ports.ActivityTask, 500)
	for i := range many {
		many[i] = task(i)
	}
	for i, f := range []ports.WorkerFrame{
		{Tasks: []ports.ActivityTask{task(1), bare, task(2)}, Acks: [][]byte{[]byte("a"), {0, 255}}, Cancels: []ports.TaskCancel{{Token: []byte("c"), Reason: "no"}}},
		{Acks: [][]byte{[]byte("b")}},
		{Tasks: many},
		{Tasks: []ports.ActivityTask{bare}}, // nothing of earlier tasks sticks to it
		{Cancels: []ports.TaskCancel{{Token: []byte("c")}, {Token: []byte("d"), Reason: "x"}}},
		{Tasks: []ports.ActivityTask{{Token: []byte("big"), Attempt: 1, Input: model.Payload{Data: bytes.Repeat([]byte{7}, 3<<20)}}}},
		{Drain: true},
		{Acks: [][]byte{[]byte("last")}},
	} {
		session.Feed(f)
		got, err := w.Next(ctx)
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Fatalf("frame %d came as %.500s, %v\nwant %.500s", i, fmt.Sprintf("%+v", got), err, fmt.Sprintf("%+v", f))
		}
	}
}

// What a worker says arrives unchanged and in order.
func testFromWorker(t *testing.T, dial Dial) {
	session, w := open(bounded(t), t, dial)
	done, empty, canceled := payload("1"), model.Payload{}, payload("0.5")
	results := []ports.TaskResult{
		{Token: []byte{0, 255}, Completed: &done},
		{Token: []byte("b"), Completed: &empty},
		{Token: []byte("c"), Failed: failure(), NextDelay: time.Minute},
		{Token: []byte("d"), Failed: &model.Failure{}},
		{Token: []byte("e"), Canceled: &canceled},
		{Token: []byte("f"), Canceled: &empty},
		{Token: []byte("g"), Pending: true},
	}
	w.Results(results)
	w.Heartbeat([]byte("h"), payload("0.7"))
	w.Alive()
	w.Heartbeat([]byte("i"), empty)
	w.SetSlots(3)
	w.Drain()
	w.Results(results[:1])
	for i, want := range []any{results, Beat{[]byte("h"), payload("0.7")}, Beat{[]byte("i"), empty}, Slots(3), Drained{}, results[:1]} {
		if got := within(t, session.Heard(), "nothing more arrived"); !reflect.DeepEqual(got, want) {
			t.Fatalf("%d arrived as %+v, want %+v", i, got, want)
		}
	}
}

// Both directions work at the same time, from many goroutines, and lose nothing.
func testManyAtOnce(t *testing.T, dial Dial) {
	const senders, each = 8, 50
	ctx := bounded(t)
	session, w := open(ctx, t, dial)
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for j := range each {
				p := payload("1")
				w.Results([]ports.TaskResult{{Token: fmt.Appendf(nil, "%d/%d", i, j), Completed: &p}})
				w.Heartbeat([]byte("h"), model.Payload{})
				session.Feed(ports.WorkerFrame{Tasks: []ports.ActivityTask{task(j)}})
			}
		})
	}
	tasks := 0
	for tasks < senders*each {
		f, err := w.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		tasks += len(f.Tasks)
	}
	wg.Wait()
	next, beats := make([]int, senders), 0
	for heard := 0; heard < 2*senders*each; heard++ {
		switch v := within(t, session.Heard(), "something was lost").(type) {
		case Beat:
			beats++
		case []ports.TaskResult:
			var i, j int
			if _, err := fmt.Sscanf(string(v[0].Token), "%d/%d", &i, &j); err != nil || next[i] != j {
				t.Fatalf("sender %d: %q arrived when %d was due", i, v[0].Token, next[i])
			}
			next[i]++
		}
	}
	if beats != senders*each {
		t.Fatalf("%d heartbeats arrived, want %d", beats, senders*each)
	}
}

// However a stream ends, the session is closed, and who did not end it hears why.
func testEnds(t *testing.T, dial Dial) {
	t.Run("ByWorker", func(t *testing.T) {
		session, w := open(bounded(t), t, dial)
		p := payload("1")
		w.Results([]ports.TaskResult{{Token: []byte("last"), Completed: &p}})
		within(t, session.Heard(), "the last result did not arrive")
		w.Close()
		w.Close()
		within(t, session.Closed(), "the session was not closed")
	})
	t.Run("WorkerGone", func(t *testing.T) {
		ctx, cancel := context.WithCancel(bounded(t))
		session, _ := open(ctx, t, dial)
		cancel()
		within(t, session.Closed(), "the session was not closed")
	})
	for _, r := range []fault.Reason{fault.Draining, fault.Unavailable, fault.Unauthenticated} {
		t.Run("ByServer/"+r.String(), func(t *testing.T) {
			ctx := bounded(t)
			session, w := open(ctx, t, dial)
			last := ports.WorkerFrame{Acks: [][]byte{[]byte("last")}}
			session.Feed(last)
			why := fault.New(r, "it is over").Hinted("come again")
			session.Fail(why)
			if f, err := w.Next(ctx); err != nil || !reflect.DeepEqual(f, last) {
				t.Fatalf("got %+v, %v; want the last frame", f, err)
			}
			_, err := w.Next(ctx)
			sameFault(t, err, why)
			within(t, session.Closed(), "the session was not closed")
		})
	}
	t.Run("ErrPayloadTooLarge", func(t *testing.T) {
		session := NewSession(ports.WorkerInfo{})
		small := setup(&Service{Reply: func(context.Context, Call) (any, error) { return session, nil }})
		small.MaxRequestBytes = 64 << 10
		ctx := bounded(t)
		w, err := dial(t, small).Register(ctx, registration())
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		big := model.Payload{Data: bytes.Repeat([]byte{7}, 65<<10)}
		w.Results([]ports.TaskResult{{Token: []byte("t"), Completed: &big}})
		_, err = w.Next(ctx)
		wantReason(t, err, fault.PayloadTooLarge)
		within(t, session.Closed(), "the session was not closed")
	})
	t.Run("ErrInvalidInput", func(t *testing.T) {
		ctx := bounded(t)
		session, w := open(ctx, t, dial)
		w.SetSlots(0)
		_, err := w.Next(ctx)
		wantReason(t, err, fault.InvalidInput)
		within(t, session.Closed(), "the session was not closed")
	})
	t.Run("WaitGivenUp", func(t *testing.T) {
		_, w := open(bounded(t), t, dial)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := w.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want context.Canceled", err)
		}
	})
}
