package memory

import (
	"bytes"
	"cmp"
	"context"
	"maps"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Append implements ports.Store.
func (s *Store) Append(ctx context.Context, a *ports.Append) (ports.AppendResult, error) {
	if err := ctx.Err(); err != nil {
		return ports.AppendResult{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return ports.AppendResult{}, err
	}
	if err := s.admit(a); err != nil {
		return ports.AppendResult{}, err
	}
	return s.apply(a), nil
}

// admit checks everything that can refuse a, so that apply cannot fail.
func (s *Store) admit(a *ports.Append) error {
	if err := checkShard(a.Shard); err != nil {
		return err
	}
	if a.Epoch != 0 {
		return fault.New(fault.Stale, "epoch %d is not valid: a memory store has one owner for life, with epoch 0", a.Epoch)
	}
	head, must, err := a.Check()
	if err != nil {
		return err
	}
	var row ports.Chain
	c := s.chains[a.Key]
	if c != nil && c.exists {
		row = c.row
	}
	if row.Version != a.Expect {
		return a.VersionConflict(row.Version, row.HeadSeq)
	}
	if is := (ports.Head{Run: row.CurrentRun, Seq: row.HeadSeq}); must && head != is {
		return a.HeadMismatch(is)
	}
	for i := range a.History {
		if h := &a.History[i]; h.First == 1 {
			if r := s.runs[h.Run]; r != nil && len(r.history) > 0 {
				return a.RunExists()
			}
		}
	}
	for i := range a.Runs {
		if r := s.runs[a.Runs[i].ID]; r != nil && r.exists && r.row.Key != a.Key {
			return a.RunElsewhere(a.Runs[i].ID)
		}
	}
	taken := map[string]bool{}
	for _, ref := range a.Take {
		if c == nil || taken[ref.DedupKey] {
			return a.MessageMissing(ref, row.Version, row.HeadSeq)
		}
		if _, ok := c.byDedup[ref.DedupKey]; !ok {
			return a.MessageMissing(ref, row.Version, row.HeadSeq)
		}
		taken[ref.DedupKey] = true
	}
	return nil
}

// apply writes an admitted append.
func (s *Store) apply(a *ports.Append) ports.AppendResult {
	c := s.chainFor(a.Key)
	if !a.OnlyConsumes() {
		s.setChain(a.Key, c, a.Chain)
	}
	for _, r := range a.Runs {
		s.setRun(c, r)
	}
	res := s.addHistory(a)
	for _, d := range a.Dedup {
		d.Key, d.Expires = a.Key, sameTime(d.Expires)
		s.setDedup(c, d)
	}
	for _, ref := range a.Take {
		c.inbox.remove(c.byDedup[ref.DedupKey])
		delete(c.byDedup, ref.DedupKey)
	}
	if len(a.Take) > 0 && c.inbox.empty() {
		s.inboxTargets.remove(a.Key)
		if !c.exists {
			delete(s.chains, a.Key)
		}
	}
	s.putEntity(a, c)
	for _, m := range a.Send {
		s.send(m)
	}
	for _, ref := range a.TasksDone {
		s.removeTask(taskKey{ref.Run, ref.Ordinal, ref.Attempt})
	}
	for _, t := range a.Tasks {
		s.addTask(a.Key, t)
	}
	for _, n := range a.Counts {
		addCount(s.counts, countKey{n.Namespace, n.Type, n.Status}, n.N)
	}
	for _, p := range a.Pins {
		addCount(s.pins, p.Package, p.N)
	}
	rows := 1 + len(a.Runs) + len(a.History) + len(a.Dedup) + len(a.Take) + len(a.Send) + len(a.Tasks) + len(a.TasksDone) + len(a.Attributes)
	s.stats.appends.Add(1)
	s.stats.commits.Add(1)
	s.stats.rows.Add(int64(rows))
	s.stats.bytesWritten.Add(int64(a.Size()))
	return res
}

func (s *Store) setChain(key model.ChainKey, c *chain, row ports.Chain) {
	if c.exists && !c.row.WakeAt.IsZero() {
		s.due.remove(ports.Due{WakeAt: c.row.WakeAt, Key: key})
	}
	row.WakeAt = sameTime(row.WakeAt)
	c.row, c.exists = row, true
	if !row.WakeAt.IsZero() {
		s.due.insert(ports.Due{WakeAt: row.WakeAt, Key: key})
	}
}

func (s *Store) addHistory(a *ports.Append) (res ports.AppendResult) {
	for i, h := range a.History {
		r := s.runFor(h.Run)
		h.Bytes = bytes.Clone(h.Bytes)
		h.AppendID, h.Key = a.ID, model.ChainKey{}
		s.given++
		h.Pos = s.given
		r.history = append(r.history, h)
		s.feed = append(s.feed, feedRow{h.Pos, r, len(r.history) - 1, a.Key})
		if i == 0 {
			res.FirstPos = h.Pos
		}
		res.LastPos = h.Pos
	}
	return res
}

func (s *Store) send(m ports.Message) {
	c := s.chainFor(m.Target)
	if _, ok := c.byDedup[m.DedupKey]; ok {
		return
	}
	if c.inbox.empty() {
		s.inboxTargets.insert(m.Target)
	}
	s.messages++
	m.Bytes, m.Pos = bytes.Clone(m.Bytes), s.messages
	c.byDedup[m.DedupKey] = m
	c.inbox.insert(m)
}

func (s *Store) addTask(key model.ChainKey, t ports.Task) {
	id := taskKey{t.Run, t.Ordinal, t.Attempt}
	if _, ok := s.tasks[id]; ok {
		return
	}
	q := queueKey{key.Namespace, t.Queue}
	o := s.backlog[q]
	if o == nil {
		o = &ordered[ports.Task]{cmp: func(a, b ports.Task) int { return cmp.Compare(a.Order, b.Order) }}
		s.backlog[q] = o
	}
	s.taskOrder++
	t.Key, t.Order = key, ports.TaskOrder(t.Priority, s.taskOrder)
	s.tasks[id] = t
	o.insert(t)
}

func (s *Store) removeTask(id taskKey) {
	t, ok := s.tasks[id]
	if !ok {
		return
	}
	delete(s.tasks, id)
	q := queueKey{t.Key.Namespace, t.Queue}
	o := s.backlog[q]
	if o.remove(t); o.empty() {
		delete(s.backlog, q)
	}
}

// addCount changes a counter; one that is not above zero is not kept.
func addCount[K comparable](m map[K]int64, k K, n int64) {
	if n += m[k]; n > 0 {
		m[k] = n
	} else {
		delete(m, k)
	}
}

// PutCheckpoint implements ports.Store.
func (s *Store) PutCheckpoint(ctx context.Context, c ports.Checkpoint) error {
	return s.change(ctx, func() error {
		c.Bytes = bytes.Clone(c.Bytes)
		r := s.runFor(c.Run)
		if r.checkpoint == nil || r.checkpoint.Seq <= c.Seq {
			r.checkpoint = &c
		}
		return nil
	})
}

// PutHeartbeat implements ports.Store.
func (s *Store) PutHeartbeat(ctx context.Context, h ports.Heartbeat) error {
	return s.change(ctx, func() error {
		h.At = sameTime(h.At)
		h.Details.Data, h.Details.Metadata = bytes.Clone(h.Details.Data), maps.Clone(h.Details.Metadata)
		r := s.runFor(h.Run)
		if r.heartbeats == nil {
			r.heartbeats = map[model.Ordinal]ports.Heartbeat{}
		}
		r.heartbeats[h.Ordinal] = h
		return nil
	})
}

// change runs f with the store locked, if it is usable.
func (s *Store) change(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	return f()
}
