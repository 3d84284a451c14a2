package history

import (
	"time"

	"github.com/aionrun/aion/domain/model"
)

// Attributes are what an event of one kind says. Implemented by the pointer types of this file only; a value is
// not changed once it is part of a history.
type Attributes interface {
	Kind() Kind
	walk(*coder)
}

// Started begins a run.
type Started struct {
	Namespace     model.Namespace
	WorkflowID    model.WorkflowID
	RunID         model.RunID
	Type          model.WorkflowType
	Input         model.Payload
	TaskQueue     model.TaskQueue
	Package       model.PackageHash
	Seed          []byte // 32 bytes
	ImageVersion  uint32
	RequestID     model.RequestID
	RequestDigest []byte
	RunTimeout    time.Duration
	Identity      string
	Header        map[string]string
	Attributes    map[string]model.Payload // search attributes, as the caller gave them
	Parent        Link                     // who is told of the end of the chain; zero = nobody
	ContinuedRun  model.RunID              // the run that this one continues
	FirstRun      model.RunID              // the first of the runs that continue each other, "" in itself

	StartDelay       time.Duration     // the code does not begin before
	ExecutionTimeout time.Duration     // what is left of the chain's time, from the event's time; 0 = no limit
	Retry            model.RetryPolicy // zero: a run that fails is not repeated
	Attempt          model.Attempt     // of the runs that repeat each other; 0 = 1
	// Of activities that say nothing else.
	Priority       int32
	FairnessKey    string
	ConcurrencyKey string
}

// Completed closes a run with a result.
type Completed struct{ Result model.Payload }

// Failed closes a run with an error of its code.
type Failed struct {
	Failure *model.Failure
	NewRun  model.RunID // that repeats it, by the retry policy; given by the engine
}

// Canceled closes a run whose code accepted a cancel request.
type Canceled struct{ Details model.Payload }

// Terminated closes a run at once.
type Terminated struct {
	Reason    string
	Identity  string
	RequestID model.RequestID
}

// TimedOut closes a run whose deadline passed.
type TimedOut struct {
	Timeout model.TimeoutKind
	NewRun  model.RunID // as in Failed
}

// CancelRequested asks the code to end.
type CancelRequested struct {
	Reason    string
	Identity  string
	RequestID model.RequestID
}

// Activated marks one activation: the code was given the delivered events up to Through, and the next Commands events came of it.
type Activated struct {
	Through  model.Seq
	Commands uint32
	Suggest  bool // the code was told that it had better continue as new
}

// Blocked says why a run's code cannot go on (rule D-10).
type Blocked struct {
	What     string
	Message  string
	AtSeq    model.Seq
	Expected string
	Found    string
	Limit    int64
	Size     int64
	Stack    string
}

// Unblocked ends a Blocked state.
type Unblocked struct{ Reason, Identity string }

// Repinned moves a run to another package.
type Repinned struct {
	Package         model.PackageHash
	ReplayedThrough model.Seq
	Identity        string
}

// ActivityScheduled asks for an activity; its first attempt is implied (rule A-2).
type ActivityScheduled struct {
	Ordinal model.Ordinal
	Type    model.ActivityType
	Input   model.Payload
	Options model.ActivityOptions
	Header  map[string]string
}

// ActivityAttemptStarted is written before hand-out for at_most_once activities.
type ActivityAttemptStarted struct {
	Ordinal model.Ordinal
	Attempt model.Attempt
	Worker  string
}

// ActivityAttemptFailed ends an attempt that another one follows after NextDelay.
type ActivityAttemptFailed struct {
	Ordinal   model.Ordinal
	Attempt   model.Attempt
	Failure   *model.Failure
	Timeout   model.TimeoutKind
	NextDelay time.Duration
	Worker    string
	Heartbeat model.Payload
}

// ActivityCompleted settles an activity with its result.
type ActivityCompleted struct {
	Ordinal model.Ordinal
	Attempt model.Attempt
	Result  model.Payload
	Worker  string
}

// ActivityFailed settles an activity that failed for good.
type ActivityFailed struct {
	Ordinal model.Ordinal
	Attempt model.Attempt
	Failure *model.Failure
	Worker  string
}

// ActivityTimedOut settles an activity one of whose time limits passed for good.
type ActivityTimedOut struct {
	Ordinal model.Ordinal
	Attempt model.Attempt
	Timeout model.TimeoutKind
	Last    *model.Failure
}

// ActivityCancelRequested asks for an activity to be canceled.
type ActivityCancelRequested struct{ Ordinal model.Ordinal }

// ActivityCanceled settles an activity that was canceled.
type ActivityCanceled struct {
	Ordinal model.Ordinal
	Attempt model.Attempt
	Details model.Payload
}

// TimerStarted sets a timer, due at the event's time plus Delay.
type TimerStarted struct {
	Ordinal model.Ordinal
	Delay   time.Duration
}

// TimerFired says that a timer came due.
type TimerFired struct{ Ordinal model.Ordinal }

// TimerCanceled says that a timer was canceled before it fired.
type TimerCanceled struct{ Ordinal model.Ordinal }

// SignalReceived is a message to the code.
type SignalReceived struct {
	Name      model.SignalName
	Input     model.Payload
	RequestID model.RequestID
	Identity  string
	Header    map[string]string
}

// The kinds of the attributes.

func (*Started) Kind() Kind                 { return KindStarted }
func (*Completed) Kind() Kind               { return KindCompleted }
func (*Failed) Kind() Kind                  { return KindFailed }
func (*Canceled) Kind() Kind                { return KindCanceled }
func (*Terminated) Kind() Kind              { return KindTerminated }
func (*TimedOut) Kind() Kind                { return KindTimedOut }
func (*CancelRequested) Kind() Kind         { return KindCancelRequested }
func (*Activated) Kind() Kind               { return KindActivated }
func (*Blocked) Kind() Kind                 { return KindBlocked }
func (*Unblocked) Kind() Kind               { return KindUnblocked }
func (*Repinned) Kind() Kind                { return KindRepinned }
func (*ActivityScheduled) Kind() Kind       { return KindActivityScheduled }
func (*ActivityAttemptStarted) Kind() Kind  { return KindActivityAttemptStarted }
func (*ActivityAttemptFailed) Kind() Kind   { return KindActivityAttemptFailed }
func (*ActivityCompleted) Kind() Kind       { return KindActivityCompleted }
func (*ActivityFailed) Kind() Kind          { return KindActivityFailed }
func (*ActivityTimedOut) Kind() Kind        { return KindActivityTimedOut }
func (*ActivityCancelRequested) Kind() Kind { return KindActivityCancelRequested }
func (*ActivityCanceled) Kind() Kind        { return KindActivityCanceled }
func (*TimerStarted) Kind() Kind            { return KindTimerStarted }
func (*TimerFired) Kind() Kind              { return KindTimerFired }
func (*TimerCanceled) Kind() Kind           { return KindTimerCanceled }
func (*SignalReceived) Kind() Kind          { return KindSignalReceived }

func (a *Started) walk(c *coder) {
	str(c, 1, &a.Namespace)
	str(c, 2, &a.WorkflowID)
	str(c, 3, &a.RunID)
	str(c, 4, &a.Type)
	c.payload(5, &a.Input)
	str(c, 6, &a.TaskQueue)
	str(c, 7, &a.Package)
	c.bytes(8, &a.Seed)
	num(c, 9, &a.ImageVersion)
	str(c, 10, &a.RequestID)
	c.bytes(11, &a.RequestDigest)
	duration(c, 12, &a.RunTimeout)
	str(c, 13, &a.Identity)
	c.entries(14, &a.Header)
	c.payloads(16, &a.Attributes)
	walkLink(c, 20, &a.Parent)
	str(c, 21, &a.ContinuedRun)
	str(c, 22, &a.FirstRun)
	duration(c, 30, &a.StartDelay)
	duration(c, 31, &a.ExecutionTimeout)
	c.message(32, func(s *coder) { walkRetry(s, &a.Retry) })
	num(c, 33, &a.Attempt)
	c.int32(40, &a.Priority)
	str(c, 41, &a.FairnessKey)
	str(c, 42, &a.ConcurrencyKey)
}

func (a *Completed) walk(c *coder) { c.payload(1, &a.Result) }
func (a *Canceled) walk(c *coder)  { c.payload(1, &a.Details) }

func (a *Failed) walk(c *coder) {
	c.failure(1, &a.Failure)
	str(c, 2, &a.NewRun)
}

func (a *TimedOut) walk(c *coder) {
	num(c, 1, &a.Timeout)
	str(c, 2, &a.NewRun)
}

func (a *Terminated) walk(c *coder) {
	str(c, 1, &a.Reason)
	str(c, 2, &a.Identity)
	str(c, 3, &a.RequestID)
}

func (a *CancelRequested) walk(c *coder) {
	str(c, 1, &a.Reason)
	str(c, 2, &a.Identity)
	str(c, 3, &a.RequestID)
}

func (a *Activated) walk(c *coder) {
	num(c, 1, &a.Through)
	num(c, 2, &a.Commands)
	c.bool(3, &a.Suggest)
}

func (a *Blocked) walk(c *coder) {
	str(c, 1, &a.What)
	str(c, 2, &a.Message)
	num(c, 3, &a.AtSeq)
	str(c, 4, &a.Expected)
	str(c, 5, &a.Found)
	c.int64(6, &a.Limit)
	c.int64(7, &a.Size)
	str(c, 8, &a.Stack)
}

func (a *Unblocked) walk(c *coder) {
	str(c, 1, &a.Reason)
	str(c, 2, &a.Identity)
}

func (a *Repinned) walk(c *coder) {
	str(c, 1, &a.Package)
	num(c, 2, &a.ReplayedThrough)
	str(c, 3, &a.Identity)
}

func (a *ActivityScheduled) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	str(c, 2, &a.Type)
	c.payload(3, &a.Input)
	c.message(4, func(s *coder) { walkOptions(s, &a.Options) })
	c.entries(5, &a.Header)
}

func (a *ActivityAttemptStarted) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	num(c, 2, &a.Attempt)
	str(c, 3, &a.Worker)
}

func (a *ActivityAttemptFailed) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	num(c, 2, &a.Attempt)
	c.failure(3, &a.Failure)
	num(c, 4, &a.Timeout)
	duration(c, 5, &a.NextDelay)
	str(c, 6, &a.Worker)
	c.payload(7, &a.Heartbeat)
}

func (a *ActivityCompleted) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	num(c, 2, &a.Attempt)
	c.payload(3, &a.Result)
	str(c, 4, &a.Worker)
}

func (a *ActivityFailed) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	num(c, 2, &a.Attempt)
	c.failure(3, &a.Failure)
	str(c, 4, &a.Worker)
}

func (a *ActivityTimedOut) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	num(c, 2, &a.Attempt)
	num(c, 3, &a.Timeout)
	c.failure(4, &a.Last)
}

func (a *ActivityCancelRequested) walk(c *coder) { num(c, 1, &a.Ordinal) }

func (a *ActivityCanceled) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	num(c, 2, &a.Attempt)
	c.payload(3, &a.Details)
}

func (a *TimerStarted) walk(c *coder) {
	num(c, 1, &a.Ordinal)
	duration(c, 2, &a.Delay)
}

func (a *TimerFired) walk(c *coder)    { num(c, 1, &a.Ordinal) }
func (a *TimerCanceled) walk(c *coder) { num(c, 1, &a.Ordinal) }

func (a *SignalReceived) walk(c *coder) {
	str(c, 1, &a.Name)
	c.payload(2, &a.Input)
	str(c, 3, &a.RequestID)
	str(c, 4, &a.Identity)
	c.entries(5, &a.Header)
}
