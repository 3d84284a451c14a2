package dispatch

// Hold keeps an attempt from being handed out while its run is paused or Blocked (rule D-10). One that waits in its queue is not known here any
// more: it is the caller's again, and waited is true. Of any other a worker may have it, and may finish it; should it turn out that none has, it is
// given back by Returned.
func (d *Dispatcher) Hold(k TaskKey) (waited, known bool) {
	d.mu.Lock()
	defer d.unlock()
	t := d.tasks[k]
	switch {
	case t == nil:
		return false, false
	case t.phase == buffered:
		d.forget(t)
		return true, true
	}
	t.Held = true
	return false, true
}

// Release lets an attempt that was held be handed out again, where it is still known here.
func (d *Dispatcher) Release(k TaskKey) {
	d.mu.Lock()
	defer d.unlock()
	if t := d.tasks[k]; t != nil {
		t.Held = false
	}
}

// giveBack returns a held attempt that no worker has.
func (d *Dispatcher) giveBack(t *task) {
	token := t.token()
	d.forget(t)
	d.told = append(d.told, func() { d.sink.Returned(token) })
}
