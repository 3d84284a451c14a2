package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"
)

// An append given up while it is queued is not written; one that the writer has taken is waited for.
func TestGivenUp(t *testing.T) {
	st, _ := openFaulty(t, t.TempDir(), Options{}, defaultTuning)
	ctx, cancel := context.WithCancel(context.Background())
	given := make(chan error, 1)
	held := plug(t, st)
	hand := make(chan error, 1)
	go func() { hand <- st.queue.wait(ctx, held) }()
	queued := queueUp(t, st, creating("queued"))
	go func() { given <- st.queue.wait(ctx, queued) }()
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) {
		t.Errorf("the queued append gave %v, want context.Canceled", err)
	}
	st.writer.pause.Unlock()
	if err := <-hand; err != nil {
		t.Errorf("the append that was taken gave %v", err)
	}
	expectReasons(t, together(t, st, creating("next")), fine)
	if _, found := chainOf(t, st, "queued"); found {
		t.Error("an append that was given up is written")
	}
	if _, found := chainOf(t, st, string(held.append.Key.WorkflowID)); !found {
		t.Error("an append that was acknowledged is not written")
	}
	if !st.queue.room.TryAcquire(st.queue.capacity) {
		t.Error("the queue has lost room")
	}
}

// Batches end at their bounds, and work that wants a transaction of its own gets one; the order stays.
func TestTake(t *testing.T) {
	q := newQueue(1<<30, 0)
	add := func(size int64, alone bool) *request {
		r := &request{size: size, done: make(chan struct{}, 1)}
		if alone {
			r.alone = func(*writer) error { return nil }
		}
		if err := q.enter(t.Context(), size); err != nil {
			t.Fatal(err)
		}
		q.waiting = append(q.waiting, r)
		return r
	}
	var sizes []string
	drain := func() {
		for len(q.waiting) > 0 {
			b := q.take(nil)
			kind := ""
			if b[0].alone != nil {
				kind = "!"
			}
			sizes = append(sizes, fmt.Sprint(len(b), kind))
			q.finish(b)
		}
	}
	for range batchRequests + 10 {
		add(10, false)
	}
	drain()
	add(16<<20, false)
	add(100, false)
	add(batchBytes-100, false)
	add(100, false)
	add(10, true)
	add(10, true)
	add(10, false)
	drain()
	if got, want := fmt.Sprint(sizes), "[1024 10 1 2 1 1! 1! 1]"; got != want {
		t.Errorf("batches are %v, want %v", got, want)
	}
	if q.held.Load() != 0 || !q.room.TryAcquire(1<<30) {
		t.Error("room was lost")
	}
}

// settingConn answers every pragma with a value that nobody wants.
type settingConn struct{ driver.Conn }

func (settingConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &oneRow{}, nil
}

type oneRow struct{ done bool }

func (*oneRow) Columns() []string { return []string{"x"} }
func (*oneRow) Close() error      { return nil }
func (r *oneRow) Next(row []driver.Value) error {
	if r.done {
		return io.EOF
	}
	r.done, row[0] = true, int64(-77)
	return nil
}
