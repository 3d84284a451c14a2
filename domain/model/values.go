package model

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"time"
)

// Payload is a value of the user, opaque to the server: a content type, bytes, and small metadata.
// The zero Payload means "no value". A Payload is never changed after it was made; its Data may be shared.
type Payload struct {
	ContentType string
	Data        []byte
	Metadata    map[string]string
}

// ContentTypeJSON is the content type that the default codec writes.
const ContentTypeJSON = "application/json"

// IsZero says whether p carries no value at all.
func (p Payload) IsZero() bool {
	return p.ContentType == "" && len(p.Data) == 0 && len(p.Metadata) == 0
}

// Size is what the payload counts against limits, in bytes.
func (p Payload) Size() int {
	n := len(p.ContentType) + len(p.Data)
	for k, v := range p.Metadata {
		n += len(k) + len(v)
	}
	return n
}

// Digest identifies the payload's content: SHA-256 over content type, data and sorted metadata, each with its length.
func (p Payload) Digest() [32]byte {
	h := sha256.New()
	var n [8]byte
	put := func(b []byte) {
		binary.LittleEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	put([]byte(p.ContentType))
	put(p.Data)
	for _, k := range slices.Sorted(maps.Keys(p.Metadata)) {
		put([]byte(k))
		put([]byte(p.Metadata[k]))
	}
	var out [32]byte
	h.Sum(out[:0])
	return out
}

// Failure is an error of user code or of the engine on its behalf, as recorded. Cause may be nil.
type Failure struct {
	Type      string
	Message   string
	Details   Payload
	Stack     string
	Retryable bool
	Cause     *Failure
}

// Depth counts the failure and its causes.
func (f *Failure) Depth() int {
	n := 0
	for ; f != nil; f = f.Cause {
		n++
	}
	return n
}

// MaxFailureDepth bounds the chain of causes that is accepted and decoded.
const MaxFailureDepth = 32

// The failure types that the engine itself records.
const (
	FailureTimeout      = "aion.timeout"           // message names which timeout
	FailureWorkerLost   = "aion.worker_lost"       // the attempt's worker is gone
	FailureCanceled     = "aion.canceled"          // canceled on request
	FailureUnknownType  = "aion.unknown_type"      // a worker or package without such a type
	FailureBadPayload   = "aion.bad_payload"       // a value that could not be decoded
	FailureTooLarge     = "aion.payload_too_large" // a result above limits.payload_bytes
	FailurePanic        = "aion.panic"             // an activity panicked
	FailureRunClosed    = "aion.run_closed"        // an update's run closed before it was completed
	FailureRunContinued = "aion.run_continued"     // an update's run continued as a new one before it was completed
)

// Status is a run's state, a projection of its history. Paused and Blocked are facts on top of Running.
type Status uint8

// The statuses. Their numbers are part of the wire contract and of stored rows.
const (
	StatusUnspecified Status = iota
	StatusRunning
	StatusCompleted
	StatusFailed
	StatusCanceled
	StatusTerminated
	StatusTimedOut
	StatusContinuedAsNew
)

var statusNames = [...]string{"Unspecified", "Running", "Completed", "Failed", "Canceled", "Terminated", "TimedOut", "ContinuedAsNew"}

// String is the name used everywhere: "Running", "Completed", ….
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return statusNames[0]
}

// ParseStatus is the inverse of String; ok is false for an unknown name.
func ParseStatus(name string) (Status, bool) {
	i := slices.Index(statusNames[:], name)
	if i <= 0 {
		return StatusUnspecified, false
	}
	return Status(i), true
}

// Open says whether the run has no closing event.
func (s Status) Open() bool { return s == StatusRunning }

// TimeoutKind names which of an activity's or a run's time limits passed.
type TimeoutKind uint8

// The timeout kinds; wire-stable.
const (
	TimeoutUnspecified TimeoutKind = iota
	TimeoutScheduleToStart
	TimeoutStartToClose
	TimeoutScheduleToClose
	TimeoutHeartbeat
	TimeoutRun
	TimeoutExecution
)

var timeoutNames = [...]string{"unspecified", "schedule_to_start", "start_to_close", "schedule_to_close", "heartbeat", "run", "execution"}

// String is the kind's wire name, e.g. "start_to_close".
func (k TimeoutKind) String() string {
	if int(k) < len(timeoutNames) {
		return timeoutNames[k]
	}
	return timeoutNames[0]
}

// CancellationType says what a workflow does when it cancels an activity.
type CancellationType uint8

// The cancellation types; wire-stable. Try is the default: the request is pushed to the worker and the activity
// is canceled for the workflow at once. Wait waits for what the activity answers. Abandon tells the worker nothing.
const (
	CancelTry CancellationType = iota
	CancelWait
	CancelAbandon
)

// RetryPolicy says how attempts are repeated. A zero field means the default: 1 s, 2.0, 100 × InitialInterval, no limit.
type RetryPolicy struct {
	InitialInterval   time.Duration
	Coefficient       float64
	MaximumInterval   time.Duration
	MaximumAttempts   uint32
	NonRetryableTypes []string
}

// IsZero says whether no field is set.
func (p RetryPolicy) IsZero() bool {
	return p.InitialInterval == 0 && p.Coefficient == 0 && p.MaximumInterval == 0 && p.MaximumAttempts == 0 && len(p.NonRetryableTypes) == 0
}

// Delay is the pause after the failed attempt n (n ≥ 1).
func (p RetryPolicy) Delay(n Attempt) time.Duration {
	initial, coef, limit := p.InitialInterval, p.Coefficient, p.MaximumInterval
	if initial <= 0 {
		initial = time.Second
	}
	if coef < 1 {
		coef = 2
	}
	if limit <= 0 {
		limit = 100 * initial
	}
	d := float64(initial)
	for i := Attempt(1); i < n && d < float64(limit); i++ {
		d *= coef
	}
	return min(time.Duration(min(d, float64(limit))), limit)
}

// ActivityOptions are the recorded options of one scheduled activity. Zero timeouts mean "no limit".
type ActivityOptions struct {
	TaskQueue       TaskQueue
	ScheduleToStart time.Duration
	StartToClose    time.Duration
	ScheduleToClose time.Duration
	Heartbeat       time.Duration
	Retry           RetryPolicy
	Cancellation    CancellationType
	AtMostOnce      bool
	Priority        int32  // MinPriority to MaxPriority; 0 = that of the run
	FairnessKey     string // "" = that of the run
	ConcurrencyKey  string // "" = that of the run
}

// Bounds of priorities: the higher is handed out first. They are few, so that a queue finds the next task without a search.
const (
	MinPriority = -10
	MaxPriority = 10
)

// SortedEntries gives a map's entries in key order, for encodings that must be the same every time.
func SortedEntries(m map[string]string) [][2]string {
	out := make([][2]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, [2]string{k, m[k]})
	}
	return out
}

// ParentClosePolicy says what happens to a child workflow when its parent's run closes, however it closes; the numbers are those of
// aion.v1.ParentClosePolicy.
type ParentClosePolicy uint8

// The parent-close policies.
const (
	ParentCloseTerminate ParentClosePolicy = iota // also where none is given
	ParentCloseRequestCancel
	ParentCloseAbandon
)
