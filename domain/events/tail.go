package events

import (
	"context"
	"sort"
	"sync"
	"time"

	"github.com/aionrun/aion/ports"
)

// tailBytes is how much of the feed's end is kept in memory for those who follow it closely.
const tailBytes = 8 << 20

// tailPause is how long a tail that cannot be read waits before it is tried again.
const tailPause = time.Second

// tail is the end of a shard's feed in memory, read from the store once for all who follow it. It is read behind the commits, in the order of
// the feed, so that commits never wait for it.
type tail struct {
	h     *Hub
	bell  chan struct{} // rings after commits
	users int           // under the hub's mutex
	stop  context.CancelFunc
	ctx   context.Context

	mu    sync.Mutex
	rows  []ports.HistoryRow
	bytes int
	from  int64         // rows after this position are in rows, as far as they were read
	last  int64         // the position up to which was read
	news  chan struct{} // closed when there is more
}

func newTail(h *Hub, head int64) *tail {
	t := &tail{h: h, bell: make(chan struct{}, 1), from: head, last: head, news: make(chan struct{})}
	t.ctx, t.stop = context.WithCancel(h.base)
	return t
}

// read follows the feed until the tail is stopped.
func (t *tail) read() {
	for {
		more, err := t.readPage()
		switch {
		case t.ctx.Err() != nil:
			return
		case err != nil:
			timer := t.h.clock.AfterFunc(tailPause, func() { ring(t.bell) })
			defer timer.Stop()
		case more:
			continue
		}
		select {
		case <-t.bell:
		case <-t.ctx.Done():
			return
		}
	}
}

func (t *tail) readPage() (more bool, err error) {
	rows, err := t.h.store.Feed(t.ctx, 0, t.last, 1<<20)
	if lowest, ok := ports.LowestKept(err); ok { // it has stood still for longer than anything is kept
		t.mu.Lock()
		defer t.mu.Unlock()
		t.rows, t.bytes, t.from, t.last = nil, 0, lowest-1, lowest-1
		return true, nil
	}
	if err != nil || len(rows) == 0 {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, rows...)
	for i := range rows {
		t.bytes += len(rows[i].Bytes)
	}
	drop := 0
	for ; t.bytes > tailBytes && drop < len(t.rows)-1; drop++ {
		t.bytes -= len(t.rows[drop].Bytes)
		t.from = t.rows[drop].Pos
	}
	t.rows = append([]ports.HistoryRow(nil), t.rows[drop:]...)[:len(t.rows)-drop]
	t.last = rows[len(rows)-1].Pos
	close(t.news)
	t.news = make(chan struct{})
	return true, nil
}

// begin is the position after which the tail has everything.
func (t *tail) begin() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.from
}

// after gives rows after pos; ok is false when the tail no longer has them. Without rows, news is closed when there are some.
func (t *tail) after(pos int64) (rows []ports.HistoryRow, news <-chan struct{}, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if pos < t.from {
		return nil, nil, false
	}
	i := sort.Search(len(t.rows), func(i int) bool { return t.rows[i].Pos > pos })
	return t.rows[i:len(t.rows):len(t.rows)], t.news, true
}
