package ports

import (
	"time"

	"github.com/aionrun/aion/domain/model"
)

// Telemetry hears what the engine does. Its methods are called on hot paths: they must be cheap, must not block, and are safe for
// concurrent use. Replays are reported by Replayed only.
type Telemetry interface {
	// RunStarted counts a started run.
	RunStarted(ns model.Namespace, t model.WorkflowType)
	// RunClosed counts a closed run and how long it was open.
	RunClosed(ns model.Namespace, t model.WorkflowType, s model.Status, open time.Duration)
	// RunBlocked counts a run that became Blocked; what is the reason of the Blocked event.
	RunBlocked(ns model.Namespace, t model.WorkflowType, what string)
	// RunPaused counts a run that was paused, or resumed.
	RunPaused(ns model.Namespace, t model.WorkflowType, paused bool)
	// HistoryLarge counts a run whose history came to half of a limit (B-1).
	HistoryLarge(ns model.Namespace, t model.WorkflowType)
	// Removed counts closed runs that were removed after their retention.
	Removed(ns model.Namespace, runs int)
	// Swept counts rows of removed runs and expired records that were removed from the store.
	Swept(rows int)
	// Stepped times one step: activations included, and the share that waiting for the commit took.
	Stepped(total, commit time.Duration, events int)
	// Replayed times the rebuilding of an instance by replay.
	Replayed(d time.Duration, events int)
	// InstanceFound counts where an instance for an activation came from: live, restored, replayed, new.
	InstanceFound(from string)
	// AttemptEnded counts attempts of activities: outcome is completed, failed, timed_out, canceled, worker_lost or dropped.
	AttemptEnded(ns model.Namespace, t model.ActivityType, outcome string)
	// Dispatched times from scheduling (or the end of a backoff) to the hand-out of an attempt.
	Dispatched(d time.Duration)
	// TimerFired tells how late a timer fired.
	TimerFired(late time.Duration)
	// ScheduleStarted counts starts that a schedule decided.
	ScheduleStarted(ns model.Namespace, n int)
	// ScheduleSkipped counts ticks that a schedule skipped: reason is overlap, catch_up, buffer or open.
	ScheduleSkipped(ns model.Namespace, reason string, n int)
	// Parked counts chains that left memory: how is hibernated or dropped.
	Parked(how string)
}

// NoTelemetry hears nothing.
type NoTelemetry struct{}

var _ Telemetry = NoTelemetry{}

// RunStarted does nothing.
func (NoTelemetry) RunStarted(model.Namespace, model.WorkflowType) {}

// RunClosed does nothing.
func (NoTelemetry) RunClosed(model.Namespace, model.WorkflowType, model.Status, time.Duration) {}

// RunBlocked does nothing.
func (NoTelemetry) RunBlocked(model.Namespace, model.WorkflowType, string) {}

// HistoryLarge does nothing.
func (NoTelemetry) HistoryLarge(model.Namespace, model.WorkflowType) {}

// Removed does nothing.
func (NoTelemetry) Removed(model.Namespace, int) {}

// Swept does nothing.
func (NoTelemetry) Swept(int) {}

// RunPaused does nothing.
func (NoTelemetry) RunPaused(model.Namespace, model.WorkflowType, bool) {}

// Stepped does nothing.
func (NoTelemetry) Stepped(time.Duration, time.Duration, int) {}

// Replayed does nothing.
func (NoTelemetry) Replayed(time.Duration, int) {}

// InstanceFound does nothing.
func (NoTelemetry) InstanceFound(string) {}

// AttemptEnded does nothing.
func (NoTelemetry) AttemptEnded(model.Namespace, model.ActivityType, string) {}

// Dispatched does nothing.
func (NoTelemetry) Dispatched(time.Duration) {}

// TimerFired does nothing.
func (NoTelemetry) TimerFired(time.Duration) {}

// ScheduleStarted does nothing.
func (NoTelemetry) ScheduleStarted(model.Namespace, int) {}

// ScheduleSkipped does nothing.
func (NoTelemetry) ScheduleSkipped(model.Namespace, string, int) {}

// Parked does nothing.
func (NoTelemetry) Parked(string) {}
