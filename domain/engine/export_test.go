package engine

// Waiting is how many calls wait for the end of a run.
func (e *Engine) Waiting() int {
	e.waiters.mu.Lock()
	defer e.waiters.mu.Unlock()
	return e.waiters.n
}

// WaitingForUpdates is how many calls wait for updates.
func (e *Engine) WaitingForUpdates() int {
	e.updates.mu.Lock()
	defer e.updates.mu.Unlock()
	return e.updates.n
}
