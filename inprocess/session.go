package inprocess

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// serve works for one session. Results that were not acknowledged are handed in again first. While it has no session the worker counts as
// under way.
func (w *Worker) serve(ctx, hard context.Context) error {
	r := w.registration()
	w.mu.Lock()
	for token := range w.attempts {
		r.Executing = append(r.Executing, []byte(token))
	}
	for token := range w.results {
		r.Executing = append(r.Executing, []byte(token))
	}
	w.mu.Unlock()
	s, err := w.engine.Register(hard, r)
	if err != nil {
		return err
	}
	defer s.Close()
	w.isReady()
	w.mu.Lock()
	w.session = s
	if ctx.Err() != nil {
		s.Drain()
	}
	for _, token := range s.Info().Unknown {
		if a := w.attempts[string(token)]; a != nil {
			a.stopped("the attempt no longer counts")
		}
	}
	again := make([]ports.TaskResult, 0, len(w.results))
	for _, r := range slices.SortedFunc(maps.Values(w.results), func(a, b result) int { return cmp.Compare(a.order, b.order) }) {
		again = append(again, r.TaskResult)
	}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.session = nil
		w.mu.Unlock()
	}()
	if len(again) > 0 {
		s.Results(again)
	}
	w.options.Underway(-1)
	for {
		f, err := s.Next(hard)
		if err != nil {
			w.options.Underway(1)
			return err
		}
		w.take(f)
	}
}

// take begins, stops and forgets what a frame says.
func (w *Worker) take(f ports.WorkerFrame) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, token := range f.Acks {
		delete(w.results, string(token))
	}
	for i := range f.Tasks {
		w.begin(&f.Tasks[i])
	}
	for _, c := range f.Cancels {
		if a := w.attempts[string(c.Token)]; a != nil {
			a.stopped(c.Reason)
		}
	}
	w.checkGone()
}

// finish hands the result of an attempt in.
func (w *Worker) finish(a *attempt, r ports.TaskResult) {
	token := string(r.Token)
	w.mu.Lock()
	delete(w.attempts, token)
	s := w.session
	if w.killed {
		s = nil
	} else {
		w.order++
		w.results[token] = result{r, w.order}
	}
	w.mu.Unlock()
	if s != nil {
		s.Results([]ports.TaskResult{r})
	}
	w.options.Underway(-1)
}

func (w *Worker) beat(token []byte, details model.Payload) {
	w.mu.Lock()
	s := w.session
	w.mu.Unlock()
	if s != nil {
		s.Heartbeat(token, details)
	}
}
