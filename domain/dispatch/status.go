package dispatch

import (
	"sort"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Len counts the attempts that are known: those that wait, those that workers hold or may hold, those that are being settled.
func (d *Dispatcher) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.tasks)
}

// Workers lists the sessions of a namespace ("" = all) by ID.
func (d *Dispatcher) Workers(ns model.Namespace) []ports.WorkerStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []ports.WorkerStatus
	for _, s := range d.sessions {
		if ns == "" || s.namespaces[ns] {
			out = append(out, ports.WorkerStatus{ID: s.id, Registered: s.reg, Slots: s.slots, SlotsUsed: len(s.tasks), ConnectedAt: s.connectedAt, Draining: s.draining})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

// Queues lists the queues of a namespace ("" = all) that have workers or tasks, by name.
func (d *Dispatcher) Queues(ns model.Namespace) []ports.QueueStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []ports.QueueStatus
	for k, q := range d.queues {
		if ns != "" && k.Namespace != ns || len(q.sessions) == 0 && q.count == 0 && !q.backlog {
			continue
		}
		st := ports.QueueStatus{Namespace: k.Namespace, Name: k.Queue, Workers: len(q.sessions), Buffered: int64(q.count), Oldest: q.since(), Backlog: q.backlog}
		for _, s := range q.sessions {
			st.Slots += s.slots
			st.SlotsUsed += len(s.tasks)
		}
		out = append(out, st)
	}
	sort.Slice(out, func(i, j int) bool {
		return out[i].Namespace < out[j].Namespace || out[i].Namespace == out[j].Namespace && out[i].Name < out[j].Name
	})
	return out
}

// Serves says whether a connected worker of the queue can do tasks of a type.
func (d *Dispatcher) Serves(k QueueKey, typ model.ActivityType) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if q := d.queues[k]; q != nil {
		for _, s := range q.sessions {
			if s.types[typ] {
				return true
			}
		}
	}
	return false
}
