package ports

import (
	"context"
	"time"

	"github.com/aionrun/aion/domain/model"
)

// Workflows is what transports call to start, steer and show workflows. Safe for concurrent use.
// Errors are *fault.Error with the reasons named at each method; every method may answer Unavailable, Draining, Starting,
// Overloaded, PermissionDenied, InvalidInput and Internal. A namespace that does not exist (or that the caller may not see) is NotFound.
type Workflows interface {
	// Start starts a run exactly once per RequestID. Errors: NoRoute (metadata "known_types"), AlreadyExists, RequestIDReused, PayloadTooLarge.
	Start(ctx context.Context, r StartRequest) (StartResult, error)
	// Signal records a message; it is durable on return. Errors: NotFound, NotRunning, RequestIDReused, PayloadTooLarge, QuotaExceeded.
	Signal(ctx context.Context, r SignalRequest) (model.RunID, error)
	// SignalWithStart records a message to the chain's open run, or starts a run with it, in one commit. Errors: those of Start and Signal.
	SignalWithStart(ctx context.Context, r SignalStartRequest) (StartResult, error)
	// Update asks the code of the chain's open run to do something, once per UpdateID. It returns once the update is accepted, which is durable
	// then, or, with r.Wait, once it is completed or the time is over. Errors: UpdateRejected (nothing is recorded), NotFound, NotRunning,
	// Blocked (the run is Blocked or paused), QuotaExceeded (too many are open), RequestIDReused (another update has the ID), PayloadTooLarge.
	Update(ctx context.Context, r UpdateRequest) (UpdateStatus, error)
	// UpdateWithStart is Update to the chain's open run, or to one that it starts. A rejected update leaves the started run behind (metadata
	// "started_run_id"). Errors: those of Start and Update.
	UpdateWithStart(ctx context.Context, r UpdateStartRequest) (UpdateStartResult, error)
	// GetUpdate says how an accepted update stands, and waits up to r.Wait for its completion. Errors: NotFound.
	GetUpdate(ctx context.Context, r GetUpdateRequest) (UpdateStatus, error)
	// Query asks a copy of the run. Errors: NotFound, UnknownQuery, QueryFailed, QueryTimeout, Blocked (nothing replays).
	Query(ctx context.Context, r QueryRequest) (QueryResult, error)
	// Cancel records a cancel request. A second one changes nothing. Errors: NotFound, NotRunning.
	Cancel(ctx context.Context, r EndRequest) (model.RunID, error)
	// Terminate closes the run at once. Errors: NotFound, NotRunning.
	Terminate(ctx context.Context, r EndRequest) (model.RunID, error)
	// Pause holds the open run: what arrives is recorded, nothing of it runs until Resume. Pausing twice changes nothing. Errors: NotFound, NotRunning, RequestIDReused.
	Pause(ctx context.Context, r EndRequest) (model.RunID, error)
	// Resume lets a paused run go on. One that is not paused stays as it is. Errors: NotFound, NotRunning, RequestIDReused.
	Resume(ctx context.Context, r EndRequest) (model.RunID, error)
	// Fork makes a new run of the beginning of another one (D-7). Errors: NotFound, InvalidInput (no such activation, or the run ended with it), AlreadyExists (a run with
	// the new workflow ID is open), RequestIDReused, Blocked (the package does not replay what is copied: the message shows the difference).
	Fork(ctx context.Context, r ForkRequest) (ForkResult, error)
	// Repin moves an open run to a package that replays it cleanly. Errors: NotFound, NotRunning, Blocked (it does not replay: the message shows the difference).
	Repin(ctx context.Context, r RepinRequest) (model.RunID, model.Seq, error)
	// Describe shows a run. Errors: NotFound.
	Describe(ctx context.Context, ref WorkflowRef) (Description, error)
	// History reads a page of a run's events in the stored encoding. Errors: NotFound.
	History(ctx context.Context, r HistoryRequest) (HistoryResult, error)
	// Result waits up to r.Wait for the end of a run, or of the chain where no run is named. Errors: NotFound.
	Result(ctx context.Context, r ResultRequest) (Outcome, error)
	// List lists runs, newest start first, or in the order of q.Filter. Errors with a filter: InvalidInput (metadata "column"), NeedsIndexedCondition.
	List(ctx context.Context, q ListQuery) ([]Run, *ListCursor, error)
	// Count counts runs by type and status.
	Count(ctx context.Context, ns model.Namespace) ([]RunCount, error)
	// CountMatching counts the runs that a filter is true for, exactly up to 10,000. Errors: as List with a filter.
	CountMatching(ctx context.Context, q CountQuery) (CountResult, error)
}

// WorkflowRef names a chain, or one run of it.
type WorkflowRef struct {
	Namespace  model.Namespace
	WorkflowID model.WorkflowID
	Run        model.RunID // "" = the chain's current run
}

// ReusePolicy says what a start does when a closed run has the workflow ID; wire-stable.
type ReusePolicy uint8

// The reuse policies.
const (
	ReuseAllow ReusePolicy = iota + 1
	ReuseAllowIfFailed
	ReuseReject
)

// ConflictPolicy says what a start does when an open run has the workflow ID; wire-stable.
type ConflictPolicy uint8

// The conflict policies.
const (
	ConflictFail ConflictPolicy = iota + 1
	ConflictUseExisting
	ConflictTerminateExisting
)

// StartRequest says what to start. WorkflowID may be empty: it is then derived from the RequestID, or minted.
type StartRequest struct {
	Namespace  model.Namespace
	WorkflowID model.WorkflowID
	Type       model.WorkflowType
	Input      model.Payload
	RequestID  model.RequestID
	TaskQueue  model.TaskQueue // "" = default
	Wait       time.Duration   // how long to wait for the end; 0 = not at all
	RunTimeout time.Duration   // 0 = none
	// ExecutionTimeout bounds the chain: the run and what it continues or is repeated as; StartDelay is before it. 0 = none.
	ExecutionTimeout time.Duration
	StartDelay       time.Duration     // the run is open at once, and its code begins when this has passed
	Retry            model.RetryPolicy // zero: a run that fails is not repeated
	Reuse            ReusePolicy       // 0 = allow
	Conflict         ConflictPolicy    // 0 = fail
	Header           map[string]string
	Identity         string
	Attributes       map[string]model.Payload // search attributes: JSON values by name, which the namespace must declare
	// Of activities that say nothing else: where they stand in their task queues.
	Priority       int32
	FairnessKey    string
	ConcurrencyKey string
}

// StartResult names the run. Outcome is set when the request asked to wait.
type StartResult struct {
	WorkflowID model.WorkflowID
	Run        model.RunID
	Started    bool // false: it was there before
	Package    model.PackageHash
	Outcome    *Outcome
}

// Outcome is how a run stands or ended: Status says which of the other fields count.
type Outcome struct {
	Run        model.RunID
	Status     model.Status
	Result     model.Payload     // Completed; details for Canceled
	Failure    *model.Failure    // Failed
	Reason     string            // Terminated
	Timeout    model.TimeoutKind // TimedOut
	Blocked    *BlockedInfo      // open and Blocked
	WaitingFor string            // open: one sentence
	Next       model.RunID       // closed: the run of the chain that follows
}

// BlockedInfo says why a run's code cannot go on.
type BlockedInfo struct {
	What     string
	Message  string
	AtSeq    model.Seq
	Expected string
	Found    string
	Limit    int64
	Size     int64
	Stack    string
	Since    time.Time
}

// SignalRequest is a message to the open run of a chain.
type SignalRequest struct {
	Ref       WorkflowRef
	Name      model.SignalName
	Input     model.Payload
	RequestID model.RequestID
	Identity  string
	Header    map[string]string
}

// SignalStartRequest is a message to the open run of a chain, and how to start a run where there is none. Start.RequestID and Start.Identity are those of
// both. Start.Conflict 0 is ConflictUseExisting: the open run gets the message.
type SignalStartRequest struct {
	Start  StartRequest
	Name   model.SignalName
	Input  model.Payload
	Header map[string]string
}

// QueryRequest is a question to a run.
type QueryRequest struct {
	Ref   WorkflowRef
	Name  model.QueryName
	Input model.Payload
}

// QueryResult is the answer, with the last event that it has seen.
type QueryResult struct {
	Output model.Payload
	AsOf   model.Seq
	Run    model.RunID
}

// UpdateRequest is a request to the code of a run.
type UpdateRequest struct {
	Ref      WorkflowRef
	ID       model.UpdateID // "" = one is minted
	Name     model.UpdateName
	Input    model.Payload
	Header   map[string]string
	Identity string
	Wait     time.Duration // for the completion; 0 = only for the acceptance
}

// UpdateStartRequest is a request to the code of the open run of a chain, and how to start a run where there is none. Start.Conflict 0 is
// ConflictUseExisting. Start.Wait does not count.
type UpdateStartRequest struct {
	Start  StartRequest
	ID     model.UpdateID // "" = one is minted
	Name   model.UpdateName
	Input  model.Payload
	Header map[string]string
	Wait   time.Duration // for the completion; 0 = only for the acceptance
}

// UpdateStartResult names the run and says how its update stands.
type UpdateStartResult struct {
	Start  StartResult
	Update UpdateStatus
}

// GetUpdateRequest asks for an accepted update.
type GetUpdateRequest struct {
	Ref  WorkflowRef
	ID   model.UpdateID
	Wait time.Duration
}

// UpdateStage says how far an update has come; wire-stable.
type UpdateStage uint8

// The stages.
const (
	UpdateAccepted UpdateStage = iota + 1
	UpdateCompleted
)

// UpdateStatus is how an update stands. Result or Failure is set when it is completed, Blocked when it waits for a run that is.
type UpdateStatus struct {
	ID      model.UpdateID
	Run     model.RunID // that accepted it
	Stage   UpdateStage
	Result  model.Payload
	Failure *model.Failure
	Blocked *BlockedInfo
}

// PendingUpdate is an update that is accepted and not completed.
type PendingUpdate struct {
	ID         model.UpdateID
	Name       model.UpdateName
	AcceptedAt time.Time
}

// EndRequest cancels, terminates, pauses or resumes a run.
type EndRequest struct {
	Ref       WorkflowRef
	Reason    string
	RequestID model.RequestID
	Identity  string
}

// RepinRequest moves a run to another package.
type RepinRequest struct {
	Ref      WorkflowRef
	Package  model.PackageHash
	Identity string
}

// Description shows a run.
type Description struct {
	Run             Run
	Summary         string
	Activities      []PendingActivity
	Timers          []PendingTimer
	Children        []OpenChild
	Parent          *WorkflowRef // the run that started it as a child; nil for any other
	Blocked         *BlockedInfo
	Undelivered     int
	CancelRequested bool
	Updates         []PendingUpdate // oldest first
	HistoryWarning  string          // the history comes near a limit: how far, and what to do; "" = it does not
}

// ActivityPhase says where an unsettled activity is; wire-stable.
type ActivityPhase uint8

// The phases.
const (
	PhaseQueued ActivityPhase = iota + 1
	PhaseRunning
	PhaseBackingOff
	PhaseCanceling
	PhasePending // its worker has handed it on: it ends by its token
)

// PendingActivity is an activity that is not settled.
type PendingActivity struct {
	Ordinal     model.Ordinal
	Type        model.ActivityType
	Queue       model.TaskQueue
	Attempt     model.Attempt
	MaxAttempts uint32
	Phase       ActivityPhase
	ScheduledAt time.Time
	NextAt      time.Time // while backing off
	LastFailure *model.Failure
	Worker      string
	Heartbeat   model.Payload
	Token       []byte // of a pending attempt
}

// PendingTimer is a timer that has not fired.
type PendingTimer struct {
	Ordinal model.Ordinal
	DueAt   time.Time
}

// OpenChild is a child workflow that has not ended.
type OpenChild struct {
	Ordinal    model.Ordinal
	Type       model.WorkflowType
	WorkflowID model.WorkflowID
	Run        model.RunID // its first run, "" until it is known to have started
	AskedAt    time.Time
	Canceling  bool
}

// HistoryRequest asks for a page of events.
type HistoryRequest struct {
	Ref      WorkflowRef
	From     model.Seq // 0 = 1
	MaxBytes int       // 0 = 1 MiB, at most 4 MiB
}

// HistoryResult is a page of events in the stored encoding (repeated field 1), cut to begin exactly at the wanted event.
type HistoryResult struct {
	Run   model.RunID
	Bytes []byte
	Next  model.Seq // 0: no more events yet
}

// ResultRequest asks how a run ended.
type ResultRequest struct {
	Ref  WorkflowRef
	Wait time.Duration
}

// Packages is what transports call to deploy and route workflow code. Safe for concurrent use.
type Packages interface {
	// Deploy checks, stores and routes an archive. Errors: InvalidInput (corrupt archive, refused code), ArchiveTooLarge, PermissionDenied when deploy.enabled is false.
	// Where it is to be verified, nothing is changed when a run does not replay: Blocked (the message counts them; Verify shows them).
	Deploy(ctx context.Context, r DeployRequest) (DeployResult, error)
	// Verify replays runs of the packages that are routed now with another one; it changes nothing. Errors: InvalidInput, ArchiveTooLarge, NotFound.
	Verify(ctx context.Context, r VerifyRequest) (Verification, error)
	// Rollback routes a type to the package that it was routed to before. Errors: NotFound (there was none, or it is not stored any more).
	Rollback(ctx context.Context, t model.WorkflowType) (SetRouteResult, error)
	// Package finds a package by its hash or an unambiguous beginning of it (at least 7 digits). Errors: NotFound, InvalidInput (ambiguous).
	Package(ctx context.Context, hash string) (PackageInfo, error)
	// Packages lists packages, newest first.
	Packages(ctx context.Context) ([]PackageInfo, error)
	// SetRoute routes new runs of a type, and tries the Blocked runs of the type with the package. Errors: NotFound, InvalidInput (the package has no such type).
	SetRoute(ctx context.Context, t model.WorkflowType, hash string) (SetRouteResult, error)
	// Routes lists the routes by type.
	Routes(ctx context.Context) ([]Route, error)
	// Unload removes a package. Errors: NotFound, PackagePinned (the message says by what).
	Unload(ctx context.Context, hash string) error
}

// PackageInfo describes a package.
type PackageInfo struct {
	Hash          model.PackageHash
	Name          string
	WorkflowTypes []model.WorkflowType
	ActivityTypes []model.ActivityType
	SDK           string
	GoVersion     string
	CodeBytes     int64
	DeployedAt    time.Time
	Pins          int64
	RoutedTypes   []model.WorkflowType
	PreviousTypes []model.WorkflowType // routed to it before: Rollback needs it
}

// RouteChange is a route with what it replaced.
type RouteChange struct {
	Type     model.WorkflowType
	Package  model.PackageHash
	Previous model.PackageHash
}

// DeployResult says what a deploy did.
type DeployResult struct {
	Package PackageInfo
	Created bool
	Routes  []RouteChange

	Verified *Verification // nil when it was not asked for
}

// SetRouteResult says what a route change did.
type SetRouteResult struct {
	Route     RouteChange
	Tried     int
	Unblocked int
}

// Workers is what a worker transport calls. Safe for concurrent use.
type Workers interface {
	// Register begins a worker's session. Errors: InvalidInput, NotFound (namespace), Unavailable.
	Register(ctx context.Context, r WorkerRegistration) (WorkerSession, error)
}

// WorkerRegistration says what a worker can do.
type WorkerRegistration struct {
	Namespaces    []model.Namespace
	Queues        []model.TaskQueue
	ActivityTypes []model.ActivityType
	Slots         int
	Identity      string
	SDK           string
	BuildID       string
	Executing     [][]byte // tokens of tasks that it is executing now
	// InProcess says that the worker lives in the server's process: no sign of life is expected from it, and after a crash it holds nothing.
	InProcess bool
}

// WorkerSession is one connected worker. Next is called by one goroutine; the other methods are safe for concurrent use.
type WorkerSession interface {
	// Info is what the Registered frame carries.
	Info() WorkerInfo
	// Next waits for something to send and gives all that is there, at most about 1 MiB of tasks. It ends with the context's error,
	// or with a fault when the server closes the session.
	Next(ctx context.Context) (WorkerFrame, error)
	// Results hands results in. Each is acknowledged by a later frame once it is durable, or where it can never count.
	Results(results []TaskResult)
	// Heartbeat says that an attempt is alive.
	Heartbeat(token []byte, details model.Payload)
	// Alive says that something was heard from the worker. A session that is silent for the heartbeat window ends.
	Alive()
	// SetSlots changes how many tasks the worker holds at once.
	SetSlots(n int)
	// Drain: the worker takes no more tasks.
	Drain()
	// Close ends the session: its tasks keep their reattach window. Closing twice is harmless.
	Close()
}

// WorkerInfo is the server's answer to a registration.
type WorkerInfo struct {
	ID              string
	HeartbeatWindow time.Duration
	Unknown         [][]byte // of the executing tokens, those that no longer count
}

// WorkerFrame is what goes to a worker in one message.
type WorkerFrame struct {
	Tasks   []ActivityTask
	Acks    [][]byte
	Cancels []TaskCancel
	Drain   bool
}

// ActivityTask is one attempt of an activity, handed to a worker.
type ActivityTask struct {
	Token        []byte
	Key          model.ChainKey
	Run          model.RunID
	WorkflowType model.WorkflowType
	Ordinal      model.Ordinal
	Type         model.ActivityType
	Queue        model.TaskQueue
	Attempt      model.Attempt
	Input        model.Payload
	Header       map[string]string
	ScheduledAt  time.Time
	Deadline     time.Time // zero = none
	Heartbeat    time.Duration
	LastDetails  model.Payload
}

// TaskCancel asks a worker to stop a task.
type TaskCancel struct {
	Token  []byte
	Reason string
}

// TaskResult ends an attempt: exactly one of the outcomes is set.
type TaskResult struct {
	Token     []byte
	Completed *model.Payload
	Failed    *model.Failure
	Canceled  *model.Payload
	Pending   bool          // the attempt goes on elsewhere, and ends by its token (rule A-6)
	NextDelay time.Duration // with Failed: overrides the retry policy; 0 = not set
	// Expires is when a Pending attempt's start-to-close passes; zero = never. The session sets it.
	Expires time.Time
}

// Operator is what transports call to show what the server does. Safe for concurrent use.
type Operator interface {
	// Workers lists connected workers of a namespace ("" = all) by ID.
	Workers(ctx context.Context, ns model.Namespace) ([]WorkerStatus, error)
	// TaskQueues lists queues of a namespace ("" = all) that have workers or tasks, by name.
	TaskQueues(ctx context.Context, ns model.Namespace) ([]QueueStatus, error)
	// TaskQueue shows who waits in a queue, and for what. A queue that nobody uses is an empty one. Errors: NotFound (namespace), InvalidInput.
	TaskQueue(ctx context.Context, ns model.Namespace, name model.TaskQueue) (QueueDescription, error)
	// SetTaskQueue replaces what limits a queue; it is durable, and holds, on return. Errors: NotFound (namespace), InvalidInput.
	SetTaskQueue(ctx context.Context, s QueueSettings) error
}

// WorkerStatus shows a connected worker.
type WorkerStatus struct {
	ID          string
	Registered  WorkerRegistration
	Slots       int
	SlotsUsed   int
	ConnectedAt time.Time
	Draining    bool
}

// QueueStatus shows a task queue.
type QueueStatus struct {
	Namespace model.Namespace
	Name      model.TaskQueue
	Workers   int
	Slots     int
	SlotsUsed int
	Buffered  int64
	Oldest    time.Time // zero: nothing waits
	Backlog   bool

	Settings   QueueSettings // its names are not set
	Running    int           // tasks that workers have, or may have
	HeldByKeys int64         // of Buffered: those that wait for a place of their concurrency key
	Limited    bool          // tasks wait for the rate
	LimitedFor time.Duration // how long tasks have waited for the rate, since the server started; for metrics, no transport carries it
}

// Service is everything that a transport needs.
type Service interface {
	Workflows
	Activities
	Namespaces
	Schedules
	Packages
	Workers
	Operator
	Events
	Audits
}
