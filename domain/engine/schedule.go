package engine

import (
	"maps"
	"time"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/schedule"
	"github.com/aionrun/aion/ports"
)

// schedulePrefix begins the keys of schedules.
const schedulePrefix = "\x01schedule/"

func scheduleKey(ns model.Namespace, id model.ScheduleID) model.ChainKey {
	return model.ChainKey{Namespace: ns, WorkflowID: schedulePrefix + model.WorkflowID(id)}
}

// scheduleEntity is a schedule as a chain of its own kind (rule M-5): each decision is one append with what the schedule then is and the letters that
// start and end runs.
type scheduleEntity struct {
	*schedule.Schedule
	changed bool // the configuration
}

func decodeSchedule(_ *Engine, _ model.ChainKey, kept ports.Entity) (entity, error) {
	sc, err := schedule.Decode(kept.Config, kept.State)
	if err != nil {
		return nil, err
	}
	return &scheduleEntity{Schedule: sc}, nil
}

func (x *scheduleEntity) due() int64 { return x.Due() }

func (x *scheduleEntity) keep() (config, state []byte) {
	if x.changed {
		config = x.EncodeConfig()
	}
	return config, x.EncodeState()
}

// wake decides the ticks that are due. Where there are more than one step takes, the next wake-up is due at once.
func (x *scheduleEntity) wake(s *step) {
	if x.Due() <= s.now {
		x.do(s, x.Advance(s.now))
	}
}

// letter hears what became of a run.
func (x *scheduleEntity) letter(s *step, l *history.Letter) {
	if l.Link.Run != model.RunID(x.Instance) {
		return // of a schedule that had the same ID
	}
	switch m := l.Message.(type) {
	case *history.RunStarted:
		x.RunStarted(l.Link.Ordinal, m.Run)
		s.touched = true
	case *history.RunNotStarted:
		x.do(s, x.NotStarted(l.Link.Ordinal, m.Message, s.now))
	case *history.RunClosed:
		x.do(s, x.RunClosed(l.Link.Ordinal, m.Run, closingStatus(m.Closing), s.now))
	}
}

func closingStatus(a history.Attributes) model.Status {
	switch a.(type) {
	case *history.Completed:
		return model.StatusCompleted
	case *history.Failed:
		return model.StatusFailed
	case *history.Canceled:
		return model.StatusCanceled
	case *history.Terminated:
		return model.StatusTerminated
	case *history.TimedOut:
		return model.StatusTimedOut
	}
	return model.StatusUnspecified
}

// do puts what a decision asks for into the step that keeps it.
func (x *scheduleEntity) do(s *step, f schedule.Effects) {
	s.touched = true
	c, a := s.c, &x.Config.Action
	for i := range f.Starts {
		n := &f.Starts[i]
		header := make(map[string]string, len(a.Header)+2)
		maps.Copy(header, a.Header)
		header[model.HeaderScheduleID], header[model.HeaderScheduleTime] = string(x.ID), time.Unix(n.Nominal, 0).UTC().Format(time.RFC3339)
		s.send(n.WorkflowID, x.link(s, n), &history.StartRun{Type: a.Type, Input: a.Input, TaskQueue: a.TaskQueue, RequestID: x.RequestID(n), RunTimeout: a.RunTimeout,
			Identity: "schedule " + string(x.ID), Header: header, Watch: true})
	}
	for i := range f.Ends {
		n := &f.Ends[i]
		l := x.link(s, n)
		end := &history.EndRun{Terminate: n.Terminates(), Reason: "the schedule goes on with its next tick", Identity: "schedule " + string(x.ID), Mine: l}
		if end.Terminate {
			l.Run += "/terminate" // nobody answers; a cancel request that is not read yet is another letter
		}
		s.send(n.WorkflowID, l, end)
	}
	starts := len(f.Starts)
	s.after = append(s.after, func() {
		if starts > 0 {
			c.e.tel.ScheduleStarted(c.key.Namespace, starts)
		}
		for r, n := range f.Skipped {
			c.e.tel.ScheduleSkipped(c.key.Namespace, string(r), int(n))
		}
	})
}

// link names an action of the schedule to the run that it starts.
func (x *scheduleEntity) link(s *step, a *schedule.Action) history.Link {
	return history.Link{WorkflowID: s.c.key.WorkflowID, Run: model.RunID(x.Instance), Ordinal: a.Ordinal}
}
