package memory

import (
	"cmp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

var _ ports.Store = (*Store)(nil)

// Store is a ports.Store in memory. Make it with New. Safe for concurrent use.
type Store struct {
	mu     sync.RWMutex
	closed bool

	chains map[model.ChainKey]*chain
	runs   map[model.RunID]*run
	feed   []feedRow // by position
	holes  int       // how many rows of feed are those of removed runs
	given  int64     // the last position that was given out
	due    ordered[ports.Due]
	lists  map[model.Namespace]*runLists

	entities ordered[model.ChainKey] // chains that have one

	inboxTargets ordered[model.ChainKey]
	messages     int64 // positions given out
	backlog      map[queueKey]*ordered[ports.Task]
	tasks        map[taskKey]ports.Task
	queues       map[queueKey]ports.QueueSettings
	taskOrder    int64

	expiring   ordered[expiry]
	counts     map[countKey]int64
	pins       map[model.PackageHash]int64
	packages   map[model.PackageHash]ports.Package
	routes     map[model.WorkflowType]ports.Route
	namespaces map[model.Namespace]ports.NamespaceRecord
	audit      []ports.AuditRecord // oldest first
	auditID    int64               // of the newest

	stats counters
}

// chain is everything that belongs to one chain.
type chain struct {
	row     ports.Chain
	exists  bool // false while only an inbox is there
	runs    ordered[runAt]
	inbox   ordered[ports.Message] // by position
	byDedup map[string]ports.Message
	dedup   map[model.RequestID]ports.Dedup
	entity  *ports.Entity // nil for workflows
}

// run is one run: its visibility row, where there is one, and its history.
type run struct {
	row        ports.Run
	exists     bool
	history    []ports.HistoryRow
	checkpoint *ports.Checkpoint
	heartbeats map[model.Ordinal]ports.Heartbeat
}

// feedRow names a history row: rows of one run never move. That of a removed run names none.
type feedRow struct {
	pos   int64
	run   *run
	index int
	key   model.ChainKey
}

type (
	queueKey struct {
		ns    model.Namespace
		queue model.TaskQueue
	}
	taskKey struct {
		run     model.RunID
		ordinal model.Ordinal
		attempt model.Attempt
	}
	countKey struct {
		ns     model.Namespace
		typ    model.WorkflowType
		status model.Status
	}
)

type counters struct {
	appends, commits, rows, historyReads, chainReads, otherReads, bytesWritten, rowsRead, bytesRead atomic.Int64
}

// New gives an empty store.
func New() *Store {
	return &Store{
		chains:       map[model.ChainKey]*chain{},
		runs:         map[model.RunID]*run{},
		due:          ordered[ports.Due]{cmp: compareDue},
		lists:        map[model.Namespace]*runLists{},
		inboxTargets: ordered[model.ChainKey]{cmp: compareKeys},
		entities:     ordered[model.ChainKey]{cmp: compareKeys},
		backlog:      map[queueKey]*ordered[ports.Task]{},
		tasks:        map[taskKey]ports.Task{},
		expiring:     ordered[expiry]{cmp: compareExpiry},
		queues:       map[queueKey]ports.QueueSettings{},
		counts:       map[countKey]int64{},
		pins:         map[model.PackageHash]int64{},
		packages:     map[model.PackageHash]ports.Package{},
		routes:       map[model.WorkflowType]ports.Route{},
		namespaces:   map[model.Namespace]ports.NamespaceRecord{},
	}
}

// Info implements ports.Store.
func (s *Store) Info() ports.StoreInfo {
	return ports.StoreInfo{Backend: "memory", Detail: "in memory: the data ends with the process", Shards: 1}
}

// Stats implements ports.Store.
func (s *Store) Stats() ports.StoreStats {
	return ports.StoreStats{
		Appends: s.stats.appends.Load(), Commits: s.stats.commits.Load(), RowsWritten: s.stats.rows.Load(),
		HistoryReads: s.stats.historyReads.Load(), ChainReads: s.stats.chainReads.Load(), OtherReads: s.stats.otherReads.Load(),
		BytesWritten: s.stats.bytesWritten.Load(), HistoryRowsRead: s.stats.rowsRead.Load(), HistoryBytesRead: s.stats.bytesRead.Load(),
	}
}

// Close implements ports.Store. The data is gone afterwards.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// usable tells why a call cannot be served. The caller holds the lock.
func (s *Store) usable() error {
	if s.closed {
		return fault.New(fault.Unavailable, "the memory store is closed").Hinted("open a new one; its data ended with it")
	}
	return nil
}

func checkShard(shard ports.ShardID) error {
	if shard != 0 {
		return fault.New(fault.NotOwner, "shard %d is unknown: a memory store has shard 0 only", shard)
	}
	return nil
}

// chainFor gives the entry of a chain, made when it is missing.
func (s *Store) chainFor(key model.ChainKey) *chain {
	c := s.chains[key]
	if c == nil {
		c = &chain{
			runs:    ordered[runAt]{cmp: compareRuns},
			inbox:   ordered[ports.Message]{cmp: func(a, b ports.Message) int { return cmp.Compare(a.Pos, b.Pos) }},
			byDedup: map[string]ports.Message{},
			dedup:   map[model.RequestID]ports.Dedup{},
		}
		s.chains[key] = c
	}
	return c
}

func (s *Store) runFor(id model.RunID) *run {
	r := s.runs[id]
	if r == nil {
		r = &run{}
		s.runs[id] = r
	}
	return r
}

func compareKeys(a, b model.ChainKey) int {
	return cmp.Or(strings.Compare(string(a.Namespace), string(b.Namespace)), strings.Compare(string(a.WorkflowID), string(b.WorkflowID)))
}

func compareDue(a, b ports.Due) int {
	return cmp.Or(a.WakeAt.Compare(b.WakeAt), compareKeys(a.Key, b.Key))
}

// sameTime is the form in which times are kept: UTC without a monotonic reading, as every other store gives them back.
func sameTime(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Round(0).UTC()
}
