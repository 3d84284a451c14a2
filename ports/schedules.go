package ports

import (
	"context"
	"time"

	"github.com/aionrun/aion/domain/model"
)

// Schedules is what transports call to make runs start by themselves (rule M-5). Safe for concurrent use. Every change is durable on return, and
// happens once per RequestID. A schedule's runs are ordinary runs; it goes on whatever becomes of them.
type Schedules interface {
	// CreateSchedule makes a schedule. It ticks from now on. Errors: AlreadyExists, RequestIDReused, InvalidInput, PayloadTooLarge.
	CreateSchedule(ctx context.Context, r CreateScheduleRequest) (Schedule, error)
	// GetSchedule shows a schedule with its next times, at most next of them (0 = 5, at most 100). Errors: NotFound.
	GetSchedule(ctx context.Context, ref ScheduleRef, next int) (Schedule, error)
	// UpdateSchedule replaces the parts that r names, from now on. Errors: NotFound, Conflict (another etag), RequestIDReused, InvalidInput, PayloadTooLarge.
	UpdateSchedule(ctx context.Context, r UpdateScheduleRequest) (Schedule, error)
	// ListSchedules lists schedules by ID, each with its next time. The second result is where the next page begins, "" at the end.
	ListSchedules(ctx context.Context, q ScheduleQuery) ([]Schedule, model.ScheduleID, error)
	// DeleteSchedule removes a schedule; runs that it started go on. Errors: NotFound, Conflict (another etag).
	DeleteSchedule(ctx context.Context, r ScheduleChange) error
	// PauseSchedule holds the ticks. What is open goes on. Errors: NotFound, RequestIDReused.
	PauseSchedule(ctx context.Context, r ScheduleChange) (Schedule, error)
	// ResumeSchedule lets the schedule tick again, from now on. Errors: NotFound, RequestIDReused.
	ResumeSchedule(ctx context.Context, r ScheduleChange) (Schedule, error)
	// TriggerSchedule takes the action now, also of a paused schedule. Errors: NotFound, RequestIDReused.
	TriggerSchedule(ctx context.Context, r TriggerScheduleRequest) (Schedule, error)
	// BackfillSchedule takes the action for every nominal time of a span. Errors: NotFound, RequestIDReused, InvalidInput, QuotaExceeded.
	BackfillSchedule(ctx context.Context, r BackfillScheduleRequest) (Schedule, error)
}

// ScheduleRef names a schedule.
type ScheduleRef struct {
	Namespace model.Namespace
	ID        model.ScheduleID
}

// Schedule is a schedule as it stands.
type Schedule struct {
	Ref       ScheduleRef
	Config    model.ScheduleConfig // with its defaults
	Etag      string               // changes with the configuration, not with ticks
	Paused    bool
	Note      string
	Limited   bool // Remaining counts
	Remaining uint32
	CreatedAt time.Time
	UpdatedAt time.Time

	NextTimes []time.Time
	Open      []ScheduledRun // not known to have ended, oldest first, at most MaxScheduleRecent of OpenCount
	OpenCount int
	Waiting   int            // ticks that wait for the end of what is open
	Recent    []ScheduledRun // newest first, at most MaxScheduleRecent
	Backfills []ScheduleBackfill

	Started     uint64            // actions
	Skipped     map[string]uint64 // ticks by reason: overlap, catch_up, buffer, open
	Failed      uint64            // actions of which no run came
	LastError   string
	LastErrorAt time.Time
}

// ScheduleOrigin says why a schedule took an action; wire-stable.
type ScheduleOrigin uint8

// The origins.
const (
	ScheduleOriginTick ScheduleOrigin = iota + 1
	ScheduleOriginTrigger
	ScheduleOriginBackfill
)

// ScheduledRun is an action that a schedule has taken.
type ScheduledRun struct {
	Nominal    time.Time
	TakenAt    time.Time
	Origin     ScheduleOrigin
	WorkflowID model.WorkflowID
	Run        model.RunID  // "" until it is known
	Status     model.Status // StatusUnspecified: not known to have started
	Failure    string       // why no run came of it
}

// ScheduleBackfill is a backfill under way: nominal times after After, up to Through, are still to come.
type ScheduleBackfill struct {
	After, Through time.Time
	Overlap        model.Overlap
}

// CreateScheduleRequest says what to create.
type CreateScheduleRequest struct {
	Ref       ScheduleRef
	Config    model.ScheduleConfig
	Paused    bool
	Note      string
	Limited   bool
	Remaining uint32
	RequestID model.RequestID
	Identity  string
}

// UpdateScheduleRequest says what to change: the parts that are set.
type UpdateScheduleRequest struct {
	Ref       ScheduleRef
	Spec      *model.ScheduleSpec
	Action    *model.ScheduleAction
	Policy    *model.SchedulePolicy
	Limit     *ScheduleLimit
	Etag      string // "" = whichever is there
	RequestID model.RequestID
	Identity  string
}

// ScheduleLimit bounds how many more ticks start runs.
type ScheduleLimit struct {
	Limited   bool
	Remaining uint32
}

// ScheduleChange pauses, resumes or deletes a schedule.
type ScheduleChange struct {
	Ref       ScheduleRef
	Note      string
	Etag      string // of deletions; "" = whichever is there
	RequestID model.RequestID
	Identity  string
}

// TriggerScheduleRequest takes the action now.
type TriggerScheduleRequest struct {
	Ref       ScheduleRef
	Overlap   model.Overlap // 0 = the schedule's
	RequestID model.RequestID
	Identity  string
}

// BackfillScheduleRequest takes the action for the nominal times from From to To, both included.
type BackfillScheduleRequest struct {
	Ref       ScheduleRef
	From, To  time.Time
	Overlap   model.Overlap // 0 = the schedule's
	RequestID model.RequestID
	Identity  string
}

// ScheduleQuery lists the schedules of a namespace.
type ScheduleQuery struct {
	Namespace model.Namespace
	After     model.ScheduleID
	Limit     int // 0 = 100, at most 1000
}
