package wasm

import (
	"container/list"
	"sync"
)

// warm bounds what idle instances keep mapped of their image. Those pages are in memory once, however many instances map them, and cost no
// memory; but the kernel counts them for each instance in the process's resident size, which operators limit and watch. The instances
// that ran last keep theirs; the others give them back, and fault them in again when they run (about 30 faults).
type warm struct {
	mu    sync.Mutex
	order *list.List // of *Instance, the coldest first
	bytes int64      // of the images of all in order
	limit int64
}

func newWarm(limit int64) *warm { return &warm{order: list.New(), limit: limit} }

// touch makes i, whose mutex the caller holds, the warmest, and lets the coldest go that are too many.
func (w *warm) touch(i *Instance) {
	w.mu.Lock()
	if i.warm != nil {
		w.order.MoveToBack(i.warm)
		w.mu.Unlock()
		return
	}
	i.warm = w.order.PushBack(i)
	w.bytes += i.program.image.mappedBytes()
	var cold []*Instance
	for w.bytes > w.limit && w.order.Len() > 1 {
		cold = append(cold, w.remove(w.order.Front()))
	}
	w.mu.Unlock()
	for _, c := range cold {
		if c != i && c.mu.TryLock() { // one that runs becomes warm again by itself
			if c.space != nil {
				c.space.trim()
			}
			c.mu.Unlock()
		}
	}
}

// drop forgets an instance that is closed.
func (w *warm) drop(i *Instance) {
	w.mu.Lock()
	if i.warm != nil {
		w.remove(i.warm)
	}
	w.mu.Unlock()
}

func (w *warm) remove(e *list.Element) *Instance {
	i := w.order.Remove(e).(*Instance)
	i.warm = nil
	w.bytes -= i.program.image.mappedBytes()
	return i
}
