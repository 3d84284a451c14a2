package ports

import (
	"context"
	"time"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
)

// Runtime loads workflow packages and gives instances of them. The engine knows no language and no VM.
// Safe for concurrent use. Conformance: ports/runtimetest.
type Runtime interface {
	// Load prepares a package: checks, compiles, bakes its image. Loading the same hash again returns the same Program.
	// code is nil for packages whose code lives in the process (model.NativePackage).
	// Errors: InvalidInput for code that is refused (the message says which rule it breaks), NotFound for an unknown native package.
	Load(ctx context.Context, hash model.PackageHash, code []byte) (Program, error)
	// Stats tells what the runtime holds in memory now.
	Stats() RuntimeStats
	// Close discards every program and instance.
	Close(ctx context.Context) error
}

// RuntimeStats counts what instances cost. Counters only grow; gauges say what is there now.
type RuntimeStats struct {
	LiveInstances int64 // gauge
	LiveBytes     int64 // gauge: dirty pages of live instances, query copies and images
	Hibernated    int64 // counter: blobs written
	Restored      int64 // counter: blobs that gave an instance back
	Dropped       int64 // counter: blobs found unusable or evicted
	FuelUsed      int64 // counter
}

// Program is a loaded package. Safe for concurrent use.
type Program interface {
	// Hash is the package's hash.
	Hash() model.PackageHash
	// ImageHash identifies the baked starting image (D-1); empty for native code.
	ImageHash() string
	// Info lists what the package declares.
	Info() ProgramInfo
	// New gives a fresh instance in the state of the image. seed is the run's recorded 32-byte seed (D-1).
	New(ctx context.Context, seed [32]byte) (Instance, error)
	// Restore gives the instance that Hibernate stored under key, or ok = false when there is none that fits:
	// the blob is a cache and any mismatch drops it (D-9).
	Restore(ctx context.Context, key SnapshotKey, seed [32]byte) (inst Instance, ok bool, err error)
	// Forget removes a stored blob, if there is one.
	Forget(run model.RunID)
}

// ProgramInfo lists what a package declares.
type ProgramInfo struct {
	Workflows []WorkflowInfo
	SDK       string // e.g. "go 0.1.0"
}

// WorkflowInfo describes one workflow type.
type WorkflowInfo struct {
	Type       model.WorkflowType
	Activities []model.ActivityType // declared by the package, not exact per workflow
	Signals    []model.SignalName
	Queries    []model.QueryName
	Updates    []model.UpdateName
}

// SnapshotKey says which moment of which run a hibernated instance is: any difference makes it useless.
type SnapshotKey struct {
	Run    model.RunID
	Seq    model.Seq // through_seq of the last activation
	Digest [32]byte  // of the history up to the last activation
}

// Activation is what a step hands to the workflow code.
type Activation struct {
	Now    time.Time // the step's recorded time: the clock that the code sees
	Live   bool      // false while replaying: the code's log lines are dropped
	Events []byte    // delivered events in the stored encoding: HistoryPage bytes (repeated field 1 of HistoryEvent)
	Limits Limits
	// Patched answers what the code asks of its patches: it is called from within Activate, at most once for each name and instance. The same
	// answers must be given on replay (rule D-5). nil: no patch is in.
	Patched func(id string) bool
	// What the code may know of its history: the number and size of the events in front of this activation, and whether it had better
	// continue as new. They are the same on every replay.
	HistoryLength   model.Seq
	HistoryBytes    int64
	SuggestContinue bool
}

// ActivationAt is an activation on replay.
func ActivationAt(events []byte, at history.Boundary) Activation {
	return Activation{Now: at.Now, Events: events, HistoryLength: at.Length, HistoryBytes: at.Bytes, SuggestContinue: at.Suggest, Patched: at.Patched}
}

// Limits bound one activation (D-2): invisible to the code, they end in a Trap.
type Limits struct {
	Fuel        int64 // 0 = no bound
	MemoryBytes int64 // 0 = no bound
}

// ActivationResult is what the code answered.
type ActivationResult struct {
	Commands []byte // repeated field 1, each a HistoryEvent with attributes only (no seq, no time); decoded by domain/history
	Logs     []LogLine
	FuelUsed int64
}

// LogLine is one line that the workflow code logged.
type LogLine struct {
	Level   int // as in log/slog
	Message string
	Attrs   map[string]string
}

// Query is a read-only question to an instance.
type Query struct {
	Name   model.QueryName
	Input  model.Payload
	Limits Limits
}

// UpdateCheck asks whether the code accepts an update.
type UpdateCheck struct {
	Name   model.UpdateName
	Input  model.Payload
	Limits Limits
}

// Instance is one run's code at work. It is confined to one goroutine at a time.
type Instance interface {
	// Activate hands events to the code and runs it until it blocks. A *Trap error means that the code cannot go on
	// (panic, limit, corrupt answer): the instance must be closed, and the run is Blocked.
	// Any other error is the host's own (memory for instances exhausted, context ended): the instance must be closed, the run may be tried again.
	Activate(ctx context.Context, a Activation) (ActivationResult, error)
	// Query answers a query ON THIS INSTANCE and so may change it: the engine calls it on throw-away copies only (D-8).
	// Errors: fault UnknownQuery (the message lists the known ones), QueryFailed; or *Trap.
	Query(ctx context.Context, q Query) (model.Payload, error)
	// PrecheckUpdate decides about an update as far as that runs none of the code's own validator, and changes nothing; decided is false
	// where ValidateUpdate must be asked. Errors: fault UpdateRejected (metadata "failure_type" where there is one).
	PrecheckUpdate(ctx context.Context, u UpdateCheck) (decided bool, err error)
	// ValidateUpdate asks the code's validator ON THIS INSTANCE and so may change it: the engine calls it on throw-away copies only (D-4).
	// nil accepts. Errors: fault UpdateRejected as with PrecheckUpdate; or *Trap.
	ValidateUpdate(ctx context.Context, u UpdateCheck) error
	// Clone gives an independent copy, or ok = false where the runtime cannot (then the engine rebuilds one by replay).
	Clone(ctx context.Context) (inst Instance, ok bool, err error)
	// Hibernate stores the instance's state under key so that Program.Restore gives it back; ok = false where the runtime cannot.
	// The instance itself stays usable.
	Hibernate(ctx context.Context, key SnapshotKey) (ok bool, err error)
	// Digest identifies the instance's whole state (guest memory and globals), for determinism tests; nil where there is none.
	Digest() []byte
	// Bytes is what the instance costs in memory now.
	Bytes() int64
	// Close gives everything back. Closing twice is harmless.
	Close(ctx context.Context)
}

// Trap says that workflow code cannot go on: it panicked, ran into a limit, or answered nonsense. The run is Blocked with it (D-10).
type Trap struct {
	Which   TrapKind
	Limit   int64  // the bound that was met, for fuel and memory
	Message string // what the code said, e.g. the panic's text
	Stack   string // the guest's stack where there is one
}

// TrapKind says what stopped the code.
type TrapKind string

// The kinds of Trap; recorded in Blocked events and shown to users.
const (
	TrapPanic    TrapKind = "panic"
	TrapFuel     TrapKind = "fuel"
	TrapMemory   TrapKind = "memory"
	TrapStack    TrapKind = "stack"
	TrapDeadlock TrapKind = "deadlock" // the code blocked on something that the engine does not know, e.g. a bare channel
	TrapExit     TrapKind = "exit"     // the code called os.Exit
	TrapProtocol TrapKind = "protocol" // an answer that does not follow the guest ABI
)

// Error gives the message.
func (t *Trap) Error() string { return string(t.Which) + ": " + t.Message }
