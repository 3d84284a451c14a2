package guest

// A Watch tells which of many futures settle, in the order in which they do. It costs the same for each, however many there are.
// It belongs to the coroutine that made it.
type Watch struct {
	nodes   []waitNode
	settled []int // indices, in the order in which they settled
	taken   int   // how many of settled Next has given
	waits   bool  // Next is waiting
}

// NewWatch watches futures. Those that are settled already come first, in the order given.
func NewWatch[T any](ctx Context, futures []Future[T]) *Watch {
	ctx.inst.use("waiting for futures")
	w := &Watch{nodes: make([]waitNode, len(futures))}
	for i, f := range futures {
		f.check("waiting")
		if f.core.settled {
			w.settled = append(w.settled, i)
			continue
		}
		n := &w.nodes[i]
		n.watch, n.index = w, i
		f.core.waiters.add(n, ctx.inst.current)
	}
	return w
}

// Next waits for the next future that settles and gives its index; each comes once. -1 and ErrCanceled when ctx is canceled first.
// It must not be called more often than there are futures.
func (w *Watch) Next(ctx Context) (int, error) {
	ctx.inst.use("waiting for futures")
	for w.taken == len(w.settled) {
		if ctx.scope.canceled {
			return -1, ErrCanceled
		}
		w.waits = true
		ctx.inst.block(ctx.scope)
		w.waits = false
	}
	w.taken++
	return w.settled[w.taken-1], nil
}

// Close ends the watch.
func (w *Watch) Close() {
	for i := range w.nodes {
		w.nodes[i].remove()
	}
}

// Settle cancels every future and waits until all are settled, whatever happens to ctx.
func Settle[T any](ctx Context, futures []Future[T]) {
	for _, f := range futures {
		f.Cancel()
	}
	ctx = Detached(ctx)
	for _, f := range futures {
		for !f.core.settled {
			ctx.inst.use("waiting for futures")
			ctx.inst.block(ctx.scope, &f.core.waiters)
		}
	}
}
