package model

import (
	"slices"
	"time"
)

// ScheduleID names a schedule inside a namespace, chosen by the caller: 1 to MaxScheduleIDBytes bytes without control characters.
type ScheduleID string

// MaxScheduleIDBytes is the longest ScheduleID: the IDs of the runs are made of it.
const MaxScheduleIDBytes = 200

// The header keys that a run gets from its schedule.
const (
	HeaderScheduleID   = "aion-schedule-id"
	HeaderScheduleTime = "aion-schedule-time" // the nominal time, RFC 3339 in UTC
)

// Overlap says what a schedule does at a tick while runs that it started are open; wire-stable.
type Overlap uint8

// The overlap policies. The zero value means "not given".
const (
	OverlapUnspecified    Overlap = iota
	OverlapSkip                   // the tick is skipped; the default
	OverlapBufferOne              // one tick waits for the end of what is open, those after it are skipped
	OverlapBufferAll              // all ticks wait, one after the other, up to a bound
	OverlapCancelOther            // what is open is canceled, the newest tick starts when it has ended
	OverlapTerminateOther         // what is open is terminated, the newest tick starts when it has ended
	OverlapAllowAll               // runs are open side by side, up to a bound
)

var overlapNames = [...]string{"unspecified", "skip", "buffer-one", "buffer-all", "cancel-other", "terminate-other", "allow-all"}

// String is the policy's name: "skip", "buffer-one", "buffer-all", "cancel-other", "terminate-other" or "allow-all".
func (o Overlap) String() string {
	if int(o) < len(overlapNames) {
		return overlapNames[o]
	}
	return overlapNames[0]
}

// ParseOverlap is the inverse of String; ok is false for an unknown name.
func ParseOverlap(name string) (Overlap, bool) {
	i := slices.Index(overlapNames[:], name)
	if i <= 0 {
		return OverlapUnspecified, false
	}
	return Overlap(i), true
}

// ScheduleConfig is what a caller says about a schedule: when, what, and how.
type ScheduleConfig struct {
	Spec   ScheduleSpec
	Action ScheduleAction
	Policy SchedulePolicy
}

// ScheduleSpec says when a schedule ticks: at every time that one of the cron expressions or intervals names, once where several name it.
type ScheduleSpec struct {
	Crons     []string // 5 fields, or 6 with seconds in front
	Intervals []ScheduleInterval
	TimeZone  string        // IANA name in which cron expressions are read; "" = UTC
	StartAt   time.Time     // no tick before it; zero = no bound
	EndAt     time.Time     // no tick after it; zero = no bound
	Jitter    time.Duration // a tick is late by up to this, the same for each schedule and time, never beyond the tick that follows
}

// ScheduleInterval ticks at every multiple of Every since 1970-01-01T00:00:00Z, moved by Offset.
type ScheduleInterval struct {
	Every  time.Duration // whole seconds
	Offset time.Duration // whole seconds, below Every
}

// ScheduleAction is the start of a run.
type ScheduleAction struct {
	Type       WorkflowType
	WorkflowID WorkflowID // what the workflow IDs begin with, before the nominal time; "" = the schedule's ID
	Input      Payload
	TaskQueue  TaskQueue     // "" = default
	RunTimeout time.Duration // 0 = none
	Header     map[string]string
}

// SchedulePolicy says how a schedule deals with ticks. Zero fields take the defaults.
type SchedulePolicy struct {
	Overlap     Overlap       // 0 = skip
	CatchUp     time.Duration // missed ticks that are not older than this are made up for; 0 = DefaultCatchUp
	BufferLimit uint32        // ticks that may wait with buffer-all; 0 = DefaultScheduleBuffer
}

// Defaults and bounds of schedules.
const (
	DefaultCatchUp        = time.Hour
	DefaultScheduleBuffer = 100
	MaxScheduleBuffer     = 1000
	MaxScheduleOpen       = 1000 // runs of a schedule that are open at once
	MaxScheduleRecent     = 10   // runs of a schedule that it remembers after their end
	MaxScheduleSpecs      = 20   // cron expressions and intervals of a schedule
	MaxScheduleBackfills  = 10   // backfills of a schedule under way
)
