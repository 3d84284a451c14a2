package workflow

import "github.com/aionrun/aion/sdk/guest"

// All waits for every future and gives the values in the order of the futures. At the first error, by the order in which the
// futures settle, it cancels the others, waits until they are settled too, and gives that error. The same when ctx is canceled.
func All[T any](ctx Context, futures ...Future[T]) ([]T, error) {
	out := make([]T, len(futures))
	w := guest.NewWatch(ctx, futures)
	defer w.Close()
	for range futures {
		i, err := w.Next(ctx)
		if err == nil {
			out[i], err = futures[i].Get(ctx)
		}
		if err != nil {
			guest.Settle(ctx, futures)
			return nil, err
		}
	}
	return out, nil
}

// Race waits for the first future that settles and gives its index, value and error. It cancels the others and waits until
// they are settled too. -1 and ErrCanceled when ctx is canceled first, or there is no future.
func Race[T any](ctx Context, futures ...Future[T]) (int, T, error) {
	var zero T
	if len(futures) == 0 {
		return -1, zero, ErrCanceled
	}
	w := guest.NewWatch(ctx, futures)
	defer w.Close()
	i, err := w.Next(ctx)
	if err != nil {
		guest.Settle(ctx, futures)
		return -1, zero, err
	}
	v, err := futures[i].Get(ctx)
	guest.Settle(ctx, futures)
	return i, v, err
}

// Map calls fn for every item, at most limit at a time (0 = all), and gives the results in the order of the items. fn runs in a
// scope of its own: at the first error, or when ctx is canceled, that scope is canceled, no further item is begun, and Map
// returns the error once every call has returned.
func Map[I, O any](ctx Context, items []I, limit int, fn func(ctx Context, item I) (O, error)) ([]O, error) {
	if limit <= 0 || limit > len(items) {
		limit = len(items)
	}
	inner, cancel := WithCancel(ctx)
	out := make([]O, len(items))
	next := 0
	var first error
	work := func(ctx Context) (None, error) {
		for first == nil && next < len(items) {
			i := next
			next++
			err := ctx.Err()
			if err == nil {
				out[i], err = fn(ctx, items[i])
			}
			if err != nil && first == nil {
				first = err
				cancel()
			}
		}
		return None{}, nil
	}
	workers := make([]Future[None], limit)
	for i := range workers {
		workers[i] = Async(inner, work)
	}
	wait := Detached(ctx)
	for _, f := range workers {
		_, _ = f.Get(wait)
	}
	cancel()
	if first != nil {
		return nil, first
	}
	return out, nil
}
