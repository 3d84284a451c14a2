package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// closedAt is a closed run's place among those of its namespace, oldest first.
type closedAt struct {
	at time.Time
	id model.RunID
}

func compareClosed(a, b closedAt) int {
	return cmp.Or(a.at.Compare(b.at), strings.Compare(string(a.id), string(b.id)))
}

// expiry is when a request record expires.
type expiry struct {
	at  time.Time
	key model.ChainKey
	id  model.RequestID
}

func compareExpiry(a, b expiry) int {
	return cmp.Or(a.at.Compare(b.at), compareKeys(a.key, b.key), strings.Compare(string(a.id), string(b.id)))
}

func (s *Store) setDedup(c *chain, d ports.Dedup) {
	if was, ok := c.dedup[d.ID]; ok {
		s.expiring.remove(expiry{was.Expires, was.Key, was.ID})
	}
	c.dedup[d.ID] = d
	s.expiring.insert(expiry{d.Expires, d.Key, d.ID})
}

// RemoveClosed implements ports.Retention. What a run takes goes with it.
func (s *Store) RemoveClosed(ctx context.Context, ns model.Namespace, until time.Time, limit int) (removed int, oldest time.Time, err error) {
	err = s.change(ctx, func() error {
		l := s.lists[ns]
		if l == nil {
			return nil
		}
		var due []closedAt
		for c := range l.closed.all() {
			if c.at.After(until) || len(due) == limit {
				oldest = c.at
				break
			}
			due = append(due, c)
		}
		for _, c := range due {
			if s.removeRun(l, s.runs[c.id]) {
				removed++
			}
		}
		return nil
	})
	return removed, oldest, err
}

func (s *Store) removeRun(l *runLists, r *run) bool {
	row := &r.row
	c := s.chains[row.Key]
	if c.row.CurrentRun == row.ID {
		if !c.row.WakeAt.IsZero() {
			return false
		}
		for _, d := range c.dedup {
			s.expiring.remove(expiry{d.Expires, d.Key, d.ID})
		}
		clear(c.dedup)
		c.row, c.exists = ports.Chain{}, false
	}
	l.remove(row)
	c.runs.remove(runAt{row.StartedAt, row.ID})
	if !c.exists && c.inbox.empty() && c.runs.empty() {
		delete(s.chains, row.Key)
	}
	addCount(s.counts, countKey{row.Key.Namespace, row.Type, row.Status}, -1)
	addCount(s.pins, row.Package, -1)
	for i := range r.history {
		if at, ok := s.feedAt(r.history[i].Pos); ok {
			s.feed[at] = feedRow{pos: s.feed[at].pos}
			s.holes++
		}
	}
	delete(s.runs, row.ID)
	for len(s.feed) > 0 && s.feed[0].run == nil {
		s.feed = s.feed[1:]
		s.holes--
	}
	if s.holes > len(s.feed)/2 {
		s.feed, s.holes = slices.DeleteFunc(s.feed, func(f feedRow) bool { return f.run == nil }), 0
	}
	return true
}

// feedAt gives the place of the first row of the feed at or behind a position, and whether it is that row.
func (s *Store) feedAt(pos int64) (int, bool) {
	return slices.BinarySearchFunc(s.feed, pos, func(f feedRow, pos int64) int { return cmp.Compare(f.pos, pos) })
}

// Sweep implements ports.Retention.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (rows int, err error) {
	err = s.change(ctx, func() error {
		for rows < limit {
			first, found := expiry{}, false
			for first = range s.expiring.all() {
				found = !first.at.After(now)
				break
			}
			if !found {
				return nil
			}
			s.expiring.remove(first)
			if c := s.chains[first.key]; c != nil {
				delete(c.dedup, first.id)
			}
			rows++
		}
		return nil
	})
	return rows, err
}
