package dispatch

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"strings"

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

// Queues lists the queues of a namespace ("" = all) that have workers, tasks or settings, by name.
func (d *Dispatcher) Queues(ns model.Namespace) []ports.QueueStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []ports.QueueStatus
	for k, q := range d.queues {
		if ns != "" && k.Namespace != ns || len(q.sessions) == 0 && q.count == 0 && !q.backlog && q.set == nil {
			continue
		}
		out = append(out, d.status(q))
	}
	for k := range d.settings {
		if d.queues[k] == nil && (ns == "" || k.Namespace == ns) {
			out = append(out, d.status(&queue{key: k, set: d.settings[k]}))
		}
	}
	sort.Slice(out, func(i, j int) bool {
		return out[i].Namespace < out[j].Namespace || out[i].Namespace == out[j].Namespace && out[i].Name < out[j].Name
	})
	return out
}

func (d *Dispatcher) status(q *queue) ports.QueueStatus {
	st := ports.QueueStatus{Namespace: q.key.Namespace, Name: q.key.Queue, Workers: len(q.sessions), Buffered: int64(q.count), Oldest: q.since(), Backlog: q.backlog,
		HeldByKeys: int64(q.count - q.placed), Limited: q.limited && q.placed > 0, LimitedFor: q.waited}
	if st.Limited {
		st.LimitedFor += d.opt.Clock.Now().Sub(q.limitedAt)
	}
	if q.set != nil {
		st.Settings = q.set.QueueSettings
		st.Settings.Namespace, st.Settings.Name = "", ""
	}
	for _, s := range q.sessions {
		st.Slots += s.slots
		st.SlotsUsed += len(s.tasks)
		for _, t := range s.tasks {
			if t.queueKey() == q.key {
				st.Running++
			}
		}
	}
	return st
}

// Most of what a description of a queue holds.
const (
	shownKeys    = 1000
	shownHolders = 100
)

// Queue shows who waits in a queue, and for what.
func (d *Dispatcher) Queue(k QueueKey) ports.QueueDescription {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.queues[k]
	if q == nil {
		q = &queue{key: k, set: d.settings[k]}
	}
	out := ports.QueueDescription{QueueStatus: d.status(q)}
	for name, c := range q.keys {
		out.Keys = append(out.Keys, ports.KeyStatus{Name: name, Limit: c.limit(), Held: len(c.holders), Waiting: c.n, Oldest: c.oldestWaiting()})
	}
	slices.SortFunc(out.Keys, func(a, b ports.KeyStatus) int { return cmp.Or(b.Waiting-a.Waiting, strings.Compare(a.Name, b.Name)) })
	out.Keys = out.Keys[:min(len(out.Keys), shownKeys)]
	for i := range out.Keys {
		held := slices.SortedFunc(maps.Values(q.keys[out.Keys[i].Name].holders), func(a, b *task) int { return cmp.Compare(a.arrival, b.arrival) })
		for _, t := range held[:min(len(held), shownHolders)] {
			out.Keys[i].Holders = append(out.Keys[i].Holders, ports.TaskHolder{WorkflowID: t.ActivityTask.Key.WorkflowID, Run: t.Run, Ordinal: t.Ordinal, Type: t.Type, Worker: t.worker})
		}
	}
	for name, f := range q.flows {
		out.Flows = append(out.Flows, ports.FlowStatus{Name: name, Weight: int(f.weight), Waiting: f.n})
	}
	slices.SortFunc(out.Flows, func(a, b ports.FlowStatus) int { return cmp.Or(b.Waiting-a.Waiting, strings.Compare(a.Name, b.Name)) })
	out.Flows = out.Flows[:min(len(out.Flows), shownKeys)]
	return out
}

// Wait says where an attempt is, and what it waits for.
type Wait struct {
	Worker  string // who has it, where one is connected
	Waiting bool   // in its queue
	Details model.Payload

	Key         string  // of Waiting: the concurrency key that has no free place, or whose holders are not known yet
	Held, Limit int     // its places
	Settling    bool    // nothing of a concurrency key goes out until it is known who holds what since before the start
	Rate        float64 // of Waiting: the rate that has run out
}

// Wait finds an attempt; ok is false when it is not known here.
func (d *Dispatcher) Wait(k TaskKey) (w Wait, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tasks[k]
	if t == nil {
		return w, false
	}
	w.Details, w.Waiting = t.details, t.phase == buffered
	if t.session != nil {
		w.Worker = t.session.reg.Identity
	}
	if !w.Waiting {
		return w, true
	}
	q := d.queue(t.queueKey())
	if c := t.key; c != nil && c.full() {
		w.Key, w.Held, w.Limit, w.Settling = c.name, len(c.holders), c.limit(), !d.settledIn()
	} else if q.limited {
		w.Rate = q.set.rate()
	}
	return w, true
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
