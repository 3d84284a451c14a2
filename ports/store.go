package ports

import (
	"context"
	"time"

	"github.com/aionrun/aion/domain/model"
)

// Store keeps histories and everything that must change with them in the same transaction. Safe for concurrent use.
// Conformance: ports/storetest; every "must" below is a case there.
//
// All identifiers and payloads are arbitrary bytes to a store: they must come back exactly as they were given, whatever
// they look like (dates, NUL bytes, quotes, any Unicode).
//
// Errors of every method: fault Unavailable (busy, closed, full disk: nothing was written, the message says what to do),
// Internal (damaged data), the context's error where the call was given up before it began.
//
// Stores keep nothing of what they were given; byte slices that reads return may be shared and must not be changed.
type Store interface {
	// Append applies a, all of it or nothing, durably: when it returns nil the data survives kill -9 and power loss
	// (memory stores excepted). Appends of other chains that are queued at the same time are committed together, and one
	// that fails must not fail its neighbours. Appends take effect one after another; positions are given out in that order.
	//
	// Errors: Conflict: the chain's version is not a.Expect (metadata "version" and "head_seq" name what is there), or an inbox
	// row to take is not there; nothing was changed. Stale: a.Epoch is not the shard's epoch. NotOwner: unknown shard.
	// UnknownOutcome: the commit may or may not have happened (C-8). Overloaded: the commit queue is full (B-1).
	// InvalidInput: the append contradicts itself or the chain's head (Append.Check), a defect of the caller; nothing was changed.
	Append(ctx context.Context, a *Append) (AppendResult, error)

	// Chain gives a chain's row and its current run's row. NotFound when there is none.
	Chain(ctx context.Context, key model.ChainKey) (Chain, Run, error)
	// Run gives one run's row. NotFound when the namespace has no such run (also when another namespace has it).
	Run(ctx context.Context, ns model.Namespace, id model.RunID) (Run, error)
	// History reads a run's rows in order, beginning with the row that holds seq from, as many as fit into maxBytes but at
	// least one, and reads no row beyond them. An empty result means that there are none from there on.
	History(ctx context.Context, run model.RunID, from model.Seq, maxBytes int) ([]HistoryRow, error)
	// LastHistory reads a run's last row. NotFound when it has none.
	LastHistory(ctx context.Context, run model.RunID) (HistoryRow, error)
	// Feed reads the rows of a shard with a position above after, in order of position, as many as fit into maxBytes but at least one.
	// When a row is visible, all rows with a lower position are (S-3). Removed runs leave gaps. HistoryCompacted when after is below
	// the lowest position that is kept less one; a position is never given out again.
	Feed(ctx context.Context, shard ShardID, after int64, maxBytes int) ([]HistoryRow, error)
	// Head is the position of the last history row that was ever committed to a shard, 0 before the first: Feed gives nothing after it yet. It never goes
	// back, also when that row was removed.
	Head(ctx context.Context, shard ShardID) (int64, error)
	// List gives runs that match q, newest start first, ties by run ID descending, at most q.Limit. Stable under concurrent
	// writes: paging by q.After neither repeats nor skips a run that existed all the time.
	List(ctx context.Context, q ListQuery) ([]Run, error)
	// Search gives the first runs that q.Filter is true for, in its order, at most q.Limit. It reads ranges of indexes; the result is exact as of
	// the last append, and paging by q.After neither repeats nor skips a run whose place in the order stays. NeedsIndexedCondition: the filter would
	// make it look at more than about q.Scan runs in vain.
	Search(ctx context.Context, q SearchQuery) ([]Run, error)
	// CountRuns counts the runs that q.Filter is true for; more than q.Limit are given as q.Limit, and not exact. NeedsIndexedCondition as Search.
	CountRuns(ctx context.Context, q SearchQuery) (n int64, exact bool, err error)
	// Count counts runs by type and status from counters that Append maintains; it does not scan runs.
	Count(ctx context.Context, ns model.Namespace) ([]RunCount, error)
	// Due lists chains whose WakeAt is at or before until, in order of (WakeAt, key), after the given one, at most limit.
	// It reads an index range only.
	Due(ctx context.Context, shard ShardID, until time.Time, after *Due, limit int) ([]Due, error)
	// Inbox lists the undelivered messages to a chain in order of arrival, at most limit.
	Inbox(ctx context.Context, key model.ChainKey, limit int) ([]Message, error)
	// InboxTargets lists chains that have undelivered messages, in order of key, after the given one, at most limit.
	InboxTargets(ctx context.Context, shard ShardID, after *model.ChainKey, limit int) ([]model.ChainKey, error)
	// Entity gives the row of a chain of another kind than a workflow, and its entity (rule M-5). NotFound when there is none.
	Entity(ctx context.Context, key model.ChainKey) (Chain, Entity, error)
	// Entities lists entities whose key's WorkflowID begins with prefix, in order of it, after the given one ("" = from the first), at most limit, as many as
	// fit into maxBytes but at least one. It reads an index range only.
	Entities(ctx context.Context, ns model.Namespace, prefix string, after model.WorkflowID, limit, maxBytes int) ([]Entity, error)
	// Dedup finds the record of a request to a chain; ok is false when there is none that has not expired at now.
	Dedup(ctx context.Context, key model.ChainKey, id model.RequestID, now time.Time) (d Dedup, ok bool, err error)
	// Tasks lists the backlog of a task queue with an order above after, in that order, at most limit.
	Tasks(ctx context.Context, ns model.Namespace, queue model.TaskQueue, after int64, limit int) ([]Task, error)

	// Checkpoint gives the newest checkpoint of a run; ok is false when there is none.
	Checkpoint(ctx context.Context, run model.RunID) (c Checkpoint, ok bool, err error)
	// PutCheckpoint stores a checkpoint, replacing an older one. It is a cache: it need not be durable when the call returns.
	PutCheckpoint(ctx context.Context, c Checkpoint) error
	// Heartbeat gives the last recorded details of an attempt; ok is false when there are none.
	Heartbeat(ctx context.Context, run model.RunID, o model.Ordinal) (h Heartbeat, ok bool, err error)
	// PutHeartbeat stores heartbeat details, replacing older ones of the same activity.
	PutHeartbeat(ctx context.Context, h Heartbeat) error

	// PutPackage stores a package; storing the same hash again changes nothing.
	PutPackage(ctx context.Context, p Package) error
	// Package gives a package with its code. NotFound.
	Package(ctx context.Context, hash model.PackageHash) (Package, error)
	// Packages lists all packages without their code, newest first, each with its pins.
	Packages(ctx context.Context) ([]Package, error)
	// DeletePackage removes a package. PackagePinned when a run or a route uses it; NotFound.
	DeletePackage(ctx context.Context, hash model.PackageHash) error
	// SetRoute makes new runs of a workflow type use a package. NotFound when the package is not stored.
	SetRoute(ctx context.Context, r Route) error
	// Routes lists all routes in order of type.
	Routes(ctx context.Context) ([]Route, error)

	// PutNamespace creates a namespace record (Version 1), or replaces the one whose Version is one less. Conflict: another one is there.
	PutNamespace(ctx context.Context, n NamespaceRecord) error
	// Namespaces lists all namespaces by name.
	Namespaces(ctx context.Context) ([]NamespaceRecord, error)

	Retention
	// PutAudit adds audit records with rising IDs, and removes what keep does not keep; the newest record always stays.
	PutAudit(ctx context.Context, records []AuditRecord, keep AuditKeep) error
	// Audit lists audit records that match q, newest first, at most q.Limit.
	Audit(ctx context.Context, q AuditQuery) ([]AuditRecord, error)

	// PutQueueSettings replaces what is set for a task queue; settings that limit nothing remove it.
	PutQueueSettings(ctx context.Context, q QueueSettings) error
	// QueueSettings lists what is set, by namespace and name.
	QueueSettings(ctx context.Context) ([]QueueSettings, error)

	// Info tells what the store is.
	Info() StoreInfo
	// Stats counts calls since opening, for tests and metrics.
	Stats() StoreStats
	// Close waits for appends in flight, then closes. Later calls answer Unavailable.
	Close() error
}

// WorkerRegistry remembers which workers are connected, so that after a crash the wait for workers that may still hold tasks can end as soon
// as all of them are back (rule A-3). A store may implement it; without one the whole reattach window is waited for. Safe for concurrent use.
type WorkerRegistry interface {
	// KnownWorkers lists the identities that joined and did not leave.
	KnownWorkers(ctx context.Context) ([]string, error)
	// WorkerJoined remembers an identity; it must be durable on return, since tasks are handed out next.
	WorkerJoined(ctx context.Context, identity string) error
	// WorkerLeft forgets an identity.
	WorkerLeft(ctx context.Context, identity string) error
}

// ShardID numbers the shards of a store from 0. Embedded stores have one shard.
type ShardID uint32

// AppendID is a random value on each history row, by which a writer recognises its own rows after an unknown outcome.
type AppendID [16]byte

// Append is everything that one step changes: one chain, guarded by its version (C-1).
type Append struct {
	Shard  ShardID
	Epoch  uint64 // the owner's fencing epoch; 0 on stores with one owner for life
	Key    model.ChainKey
	Expect uint64 // the chain's version before; 0 creates the chain, and then the first history row must begin with seq 1
	ID     AppendID

	Chain   Chain // the row afterwards; its Version is Expect+1
	Runs    []Run // rows to insert or replace
	History []HistoryRow
	Dedup   []Dedup // rows to insert or replace

	Send []Message    // to other chains (M-1); a row with the same target and key is kept as it is
	Take []MessageRef // messages to this chain that the step consumed; each must be there, also where the chain itself is not (OnlyConsumes)

	Entity *Entity // of a chain of another kind than a workflow, which has no runs and no history (M-5); nil for workflows

	Tasks     []Task    // backlog rows to insert
	TasksDone []TaskRef // backlog rows to remove, before Tasks are inserted; one that is not there is no error

	Attributes []AttributeRow // index entries to replace, of runs whose row is in Runs with the same value

	Counts []RunCount // changes of the counters, N may be negative
	Pins   []Pin      // changes of package pins, N may be negative
}

// Size is what the append counts against the commit queue, in bytes.
func (a *Append) Size() int {
	n := 256
	for i := range a.History {
		n += len(a.History[i].Bytes) + 64
	}
	for i := range a.Send {
		n += len(a.Send[i].Bytes) + 128
	}
	for i := range a.Attributes {
		n += a.Attributes[i].Value.Size() + 128
	}
	if a.Entity != nil {
		n += len(a.Entity.Config) + len(a.Entity.State) + 256
	}
	return n + 256*len(a.Runs) + 128*(len(a.Dedup)+len(a.Tasks))
}

// AppendResult says where the append's history went.
type AppendResult struct {
	FirstPos, LastPos int64 // positions of the first and last history row; 0 when there were none
}

// Chain is the guard row of a chain.
type Chain struct {
	Version       uint64
	CurrentRun    model.RunID
	HeadSeq       model.Seq // of the current run
	WakeAt        time.Time // zero: nothing happens without outside input (S-2)
	CheckpointSeq model.Seq
}

// Run is a run's visibility row.
type Run struct {
	ID            model.RunID
	Key           model.ChainKey
	Type          model.WorkflowType
	Status        model.Status
	Blocked       string // what blocks it, "" when nothing does
	Paused        bool
	Package       model.PackageHash
	TaskQueue     model.TaskQueue
	StartedAt     time.Time
	ClosedAt      time.Time // zero while open
	StartRequest  model.RequestID
	RequestDigest []byte
	HeadSeq       model.Seq // as of the last time the row was written
	HistoryBytes  int64     // as of the last time the row was written
	Attributes    model.Attributes
}

// AttributeRow says that a run has a search attribute from now on; the zero value, that it no longer has it.
type AttributeRow struct {
	Run   model.RunID
	Name  string
	Value model.AttributeValue
}

// HistoryRow is a piece of a run's history as one step wrote it.
type HistoryRow struct {
	Run      model.RunID
	First    model.Seq
	Last     model.Seq
	Bytes    []byte // HistoryPage encoding: repeated field 1, each a HistoryEvent
	AppendID AppendID
	Pos      int64          // set by the store
	Key      model.ChainKey // set by Feed
}

// ListQuery selects runs. Zero fields do not restrict.
type ListQuery struct {
	Namespace  model.Namespace // required
	WorkflowID model.WorkflowID
	Type       model.WorkflowType
	Status     model.Status
	Blocked    bool // only runs that are Blocked
	Paused     bool // only runs that are paused
	// Filter is read by Workflows.List only, which then also orders by it; a store is asked by Search.
	Filter string
	After  *ListCursor
	Limit  int // required, > 0
}

// ListCursor names the last run of the page before.
type ListCursor struct {
	StartedAt time.Time
	Run       model.RunID
	// With a filter: the entry of the search attribute that the list is ordered by, and what now() means on every page.
	Value []byte
	Now   time.Time
}

// RunCount counts runs of a namespace by type and status.
type RunCount struct {
	Namespace model.Namespace
	Type      model.WorkflowType
	Status    model.Status
	N         int64
}

// Due names a chain and when something must happen to it.
type Due struct {
	WakeAt time.Time
	Key    model.ChainKey
}

// Message is an undelivered message between chains.
type Message struct {
	Target   model.ChainKey
	DedupKey string // (sender run, ordinal, kind), unique per target
	Bytes    []byte
	Pos      int64 // order of arrival, set by the store
}

// MessageRef names a message to the appending chain.
type MessageRef struct{ DedupKey string }

// Dedup remembers a request to a chain (M-2).
type Dedup struct {
	Key     model.ChainKey // set by reads; an append's rows belong to its own chain
	ID      model.RequestID
	Digest  [32]byte
	Run     model.RunID
	Expires time.Time
}

// Task is an activity attempt in the backlog: one for which no slot and no room in the queue's buffer was free.
type Task struct {
	Key     model.ChainKey
	Run     model.RunID
	Ordinal model.Ordinal
	Attempt model.Attempt
	Queue   model.TaskQueue
	// Priority of the task: the store writes it into the order.
	Priority int32
	Order    int64 // TaskOrder of the priority and a number that the store gives, ascending in commit order
}

// TaskRef names a task of the appending chain.
type TaskRef struct {
	Run     model.RunID
	Ordinal model.Ordinal
	Attempt model.Attempt
}

// Pin counts what keeps a package from being unloaded: open runs and closed runs inside retention.
type Pin struct {
	Package model.PackageHash
	N       int64
}

// Checkpoint is a run's folded state: a cache of its history up to Seq.
type Checkpoint struct {
	Run     model.RunID
	Seq     model.Seq
	Version uint32 // of the fold; another version is ignored
	Bytes   []byte
}

// Heartbeat is the last details of a running attempt.
type Heartbeat struct {
	Run     model.RunID
	Ordinal model.Ordinal
	Attempt model.Attempt
	Details model.Payload
	At      time.Time
}

// Package is a stored workflow package.
type Package struct {
	Hash       model.PackageHash
	Name       string
	Manifest   []byte // JSON, domain/archive
	Code       []byte // the WebAssembly module
	DeployedAt time.Time
	CodeBytes  int64
	Pins       int64 // set by reads
}

// Route sends new runs of a workflow type to a package.
type Route struct {
	Type    model.WorkflowType
	Package model.PackageHash
	SetAt   time.Time
	// Previous is what the type was routed to before; "" when it was not. It may be gone.
	Previous model.PackageHash
}

// NamespaceRecord describes a namespace.
type NamespaceRecord struct {
	Name        model.Namespace
	Version     uint64 // 1, and one more with each change
	CreatedAt   time.Time
	Retention   time.Duration
	Description string
	Deprecated  bool                           // nothing can be started in it any more
	Attributes  map[string]model.AttributeType // the search attributes of its runs; never changed in place
}

// StoreInfo tells what a store is.
type StoreInfo struct {
	Backend string // memory, libsql, sqlite, postgres
	Detail  string // where the data is, for people
	Durable bool   // false: the data ends with the process
	Shards  uint32
}

// StoreStats counts calls since opening.
type StoreStats struct {
	Pressed      bool // the commit queue is more than 80 % full (rule B-1): starts should be refused before signals and results
	Appends      int64
	Commits      int64 // transactions; Appends / Commits is the mean batch
	RowsWritten  int64
	HistoryReads int64 // calls of History and LastHistory
	ChainReads   int64
	OtherReads   int64
	BytesWritten int64
	// HistoryRowsRead and HistoryBytesRead count what History, LastHistory and Feed took from the data.
	HistoryRowsRead, HistoryBytesRead int64
	// QueuedBytes is what waits to be committed now, of QueueBytes that may wait (B-1); 0 of 0 where nothing ever waits.
	QueuedBytes, QueueBytes int64
}
