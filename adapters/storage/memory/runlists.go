package memory

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// runAt is a run's place in a list: newest start first, ties by run ID descending.
type runAt struct {
	started time.Time
	id      model.RunID
}

func compareRuns(a, b runAt) int {
	return cmp.Or(b.started.Compare(a.started), strings.Compare(string(b.id), string(a.id)))
}

// runLists are the runs of a namespace in list order: all of them, those that are Blocked, those that are paused, and one list for each type and status.
type runLists struct {
	all, blocked, paused ordered[runAt]
	kinds                map[kind]*ordered[runAt]
	closed               ordered[closedAt]
	attrs                map[string]*ordered[attrAt] // by name of the search attribute
}

type kind struct {
	typ    model.WorkflowType
	status model.Status
}

// setRun stores a run's row and moves its places in the lists.
func (s *Store) setRun(c *chain, row ports.Run) {
	row.StartedAt, row.ClosedAt = sameTime(row.StartedAt), sameTime(row.ClosedAt)
	row.RequestDigest, row.Attributes = slices.Clone(row.RequestDigest), slices.Clone(row.Attributes)
	r := s.runFor(row.ID)
	l := s.lists[row.Key.Namespace]
	if l == nil {
		l = &runLists{all: ordered[runAt]{cmp: compareRuns}, blocked: ordered[runAt]{cmp: compareRuns}, paused: ordered[runAt]{cmp: compareRuns}, kinds: map[kind]*ordered[runAt]{},
			closed: ordered[closedAt]{cmp: compareClosed}, attrs: map[string]*ordered[attrAt]{}}
		s.lists[row.Key.Namespace] = l
	}
	if r.exists {
		l.remove(&r.row)
		c.runs.remove(runAt{r.row.StartedAt, r.row.ID})
	}
	r.row, r.exists = row, true
	l.add(&row)
	c.runs.insert(runAt{row.StartedAt, row.ID})
}

func (l *runLists) add(r *ports.Run) {
	at, k := runAt{r.StartedAt, r.ID}, kind{r.Type, r.Status}
	l.all.insert(at)
	if !r.Status.Open() && !r.ClosedAt.IsZero() {
		l.closed.insert(closedAt{r.ClosedAt, r.ID})
	}
	if r.Blocked != "" {
		l.blocked.insert(at)
	}
	if r.Paused {
		l.paused.insert(at)
	}
	o := l.kinds[k]
	if o == nil {
		o = &ordered[runAt]{cmp: compareRuns}
		l.kinds[k] = o
	}
	o.insert(at)
	l.addAttributes(r)
}

func (l *runLists) remove(r *ports.Run) {
	at, k := runAt{r.StartedAt, r.ID}, kind{r.Type, r.Status}
	l.all.remove(at)
	l.closed.remove(closedAt{r.ClosedAt, r.ID})
	l.blocked.remove(at)
	l.paused.remove(at)
	l.removeAttributes(r)
	if o := l.kinds[k]; o != nil {
		if o.remove(at); o.empty() {
			delete(l.kinds, k)
		}
	}
}

// candidates gives the shortest lists that hold every run that q can match.
func (s *Store) candidates(q *ports.ListQuery) []*ordered[runAt] {
	if q.WorkflowID != "" {
		if c := s.chains[model.ChainKey{Namespace: q.Namespace, WorkflowID: q.WorkflowID}]; c != nil {
			return []*ordered[runAt]{&c.runs}
		}
		return nil
	}
	l := s.lists[q.Namespace]
	switch {
	case l == nil:
		return nil
	case q.Blocked:
		return []*ordered[runAt]{&l.blocked}
	case q.Paused:
		return []*ordered[runAt]{&l.paused}
	case q.Type == "" && q.Status == model.StatusUnspecified:
		return []*ordered[runAt]{&l.all}
	}
	var out []*ordered[runAt]
	for k, o := range l.kinds {
		if (q.Type == "" || q.Type == k.typ) && (q.Status == model.StatusUnspecified || q.Status == k.status) {
			out = append(out, o)
		}
	}
	return out
}

func matches(q *ports.ListQuery, r *ports.Run) bool {
	return (q.Type == "" || q.Type == r.Type) && (q.Status == model.StatusUnspecified || q.Status == r.Status) && (!q.Blocked || r.Blocked != "") && (!q.Paused || r.Paused)
}

// list walks the candidate lists, each at most to the limit, and merges what matches.
func (s *Store) list(q *ports.ListQuery) []ports.Run {
	var found []runAt
	for _, o := range s.candidates(q) {
		seq, n := o.all(), 0
		if q.After != nil {
			seq = o.after(runAt{sameTime(q.After.StartedAt), q.After.Run})
		}
		for at := range seq {
			if !matches(q, &s.runs[at.id].row) {
				continue
			}
			found = append(found, at)
			if n++; n == q.Limit {
				break
			}
		}
	}
	slices.SortFunc(found, compareRuns)
	out := make([]ports.Run, 0, min(len(found), q.Limit))
	for _, at := range found[:min(len(found), q.Limit)] {
		out = append(out, s.runs[at.id].row)
	}
	return out
}
