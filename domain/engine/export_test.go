package engine

// Waiting is how many calls wait for the end of a run.
func (e *Engine) Waiting() int {
	e.waiters.mu.Lock()
	defer e.waiters.mu.Unlock()
	return e.waiters.n
}
