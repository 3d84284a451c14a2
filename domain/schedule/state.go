package schedule

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// Origin says why an action is taken; wire-stable.
type Origin uint8

// The origins.
const (
	OriginTick Origin = iota + 1
	OriginTrigger
	OriginBackfill
)

// Reason says why a tick was skipped; wire-stable, its text is the label of the metric.
type Reason string

// The reasons.
const (
	SkippedOverlap Reason = "overlap"  // a run was open, or waiting, and the policy lets one tick go on only
	SkippedLate    Reason = "catch_up" // older than the catch-up window when it was come to
	SkippedBuffer  Reason = "buffer"   // as many ticks waited as may wait
	SkippedOpen    Reason = "open"     // as many runs were open as may be open
)

// Action is a start that was decided.
type Action struct {
	Ordinal    model.Ordinal    `json:"n"`  // numbers the actions of a schedule from 1
	Nominal    int64            `json:"at"` // seconds since 1970
	Origin     Origin           `json:"o"`  //
	WorkflowID model.WorkflowID `json:"wid,omitempty"`
	Run        model.RunID      `json:"run,omitempty"` // once it is known
	Ending     uint8            `json:"end,omitempty"` // it was asked to end: canceled or terminated
}

const (
	endCancel    = 1
	endTerminate = 2
)

// Past is an action that was taken, for those who look.
type Past struct {
	Action
	TakenAt int64        `json:"taken"`            // ns since 1970
	Status  model.Status `json:"status,omitempty"` // StatusUnspecified: not started yet, or not at all
	Failure string       `json:"failure,omitempty"`
}

// Backfill is a span of nominal times whose ticks are made up for.
type Backfill struct {
	After   int64         `json:"after"` // times up to here are dealt with; seconds since 1970
	Through int64         `json:"through"`
	Overlap model.Overlap `json:"overlap"`
}

// State is what a schedule remembers. Its size does not grow with its age.
type State struct {
	Through     int64             `json:"through"` // ticks with a nominal time up to here are decided; ns since 1970
	Paused      bool              `json:"paused,omitempty"`
	Note        string            `json:"note,omitempty"`
	Limited     bool              `json:"limited,omitempty"`
	Remaining   uint32            `json:"remaining,omitempty"`
	Last        model.Ordinal     `json:"last,omitempty"`    // of the newest action
	Open        []Action          `json:"open,omitempty"`    // started, and not known to have ended
	Waiting     []Action          `json:"waiting,omitempty"` // for the end of what is open; without ordinals
	Backfills   []Backfill        `json:"backfills,omitempty"`
	Recent      []Past            `json:"recent,omitempty"` // newest last
	Started     uint64            `json:"started,omitempty"`
	Skipped     map[Reason]uint64 `json:"skipped,omitempty"`
	Failed      uint64            `json:"failed,omitempty"` // actions of which no run came
	LastError   string            `json:"last_error,omitempty"`
	LastErrorAt int64             `json:"last_error_at,omitempty"` // ns since 1970
	CreatedAt   int64             `json:"created"`
	UpdatedAt   int64             `json:"updated"`
}

// Schedule is a schedule at a moment. It is confined to one goroutine.
type Schedule struct {
	ID       model.ScheduleID
	Instance string // minted at the creation: it tells a schedule from a later one with the same ID
	Revision uint64 // counts the changes of the configuration
	Config   model.ScheduleConfig
	State    State
	times    *Times
}

// Effects are what a decision asks for. They must be done in the commit that keeps the state.
type Effects struct {
	Starts  []Action
	Ends    []Action // Ending says how
	Skipped map[Reason]uint64
}

// Terminates says whether an action in Effects.Ends is to be terminated, and not canceled.
func (a *Action) Terminates() bool { return a.Ending == endTerminate }

func (f *Effects) skip(s *State, r Reason) {
	if f.Skipped == nil {
		f.Skipped = map[Reason]uint64{}
	}
	if s.Skipped == nil {
		s.Skipped = map[Reason]uint64{}
	}
	f.Skipped[r]++
	s.Skipped[r]++
}

func (f *Effects) size() int { return len(f.Starts) + len(f.Ends) }

// New makes a schedule. now is the time of its creation: ticks before it are not made up for. Errors: InvalidInput.
func New(id model.ScheduleID, instance string, c model.ScheduleConfig, now int64) (*Schedule, error) {
	s := &Schedule{ID: id, Instance: instance, State: State{Through: now, CreatedAt: now, UpdatedAt: now}}
	if err := s.configure(c); err != nil {
		return nil, err
	}
	return s, nil
}

// Check completes a configuration with its defaults and checks it, as New and Update do. Errors: InvalidInput.
func Check(id model.ScheduleID, c *model.ScheduleConfig) (*Times, error) {
	times, err := ParseTimes(&c.Spec)
	if err != nil {
		return nil, err
	}
	a, p := &c.Action, &c.Policy
	if err := model.ValidateID("workflow type", string(a.Type)); err != nil {
		return nil, err
	}
	if a.WorkflowID == "" {
		a.WorkflowID = model.WorkflowID(id)
	}
	if err := model.ValidateID("workflow ID", string(a.WorkflowID)); err != nil {
		return nil, err
	}
	if n := len(a.WorkflowID); n > model.MaxScheduleIDBytes {
		return nil, fault.Invalidf("the workflow ID of the schedule has %d bytes; at most %d are allowed, since the time of the tick is put behind it", n, model.MaxScheduleIDBytes)
	}
	if a.TaskQueue == "" {
		a.TaskQueue = model.DefaultTaskQueue
	}
	if err := model.ValidateID("task queue", string(a.TaskQueue)); err != nil {
		return nil, err
	}
	if a.RunTimeout < 0 {
		return nil, fault.Invalidf("the run timeout %v is negative", a.RunTimeout)
	}
	if p.Overlap == model.OverlapUnspecified {
		p.Overlap = model.OverlapSkip
	}
	if p.Overlap > model.OverlapAllowAll {
		return nil, fault.Invalidf("the overlap policy %d is not known", p.Overlap)
	}
	if p.CatchUp == 0 {
		p.CatchUp = model.DefaultCatchUp
	}
	if p.CatchUp < time.Second || p.CatchUp > 366*24*time.Hour {
		return nil, fault.Invalidf("the catch-up window %v is not valid: it lies between 1s and 366 days", p.CatchUp)
	}
	if p.BufferLimit == 0 {
		p.BufferLimit = model.DefaultScheduleBuffer
	}
	if p.BufferLimit > model.MaxScheduleBuffer {
		return nil, fault.Invalidf("the buffer limit %d is not valid: at most %d ticks may wait", p.BufferLimit, model.MaxScheduleBuffer)
	}
	return times, nil
}

func (s *Schedule) configure(c model.ScheduleConfig) error {
	times, err := Check(s.ID, &c)
	if err != nil {
		return err
	}
	s.Config, s.times = c, times
	s.Revision++
	return nil
}

// kept is how a configuration is stored.
type kept struct {
	ID       model.ScheduleID     `json:"id"`
	Instance string               `json:"instance"`
	Revision uint64               `json:"revision"`
	Config   model.ScheduleConfig `json:"config"`
}

// Encode gives what is kept of the configuration, which changes seldom, and of the state, which changes with every tick.
func (s *Schedule) Encode() (config, state []byte) { return s.EncodeConfig(), s.EncodeState() }

// EncodeConfig is the first half of Encode.
func (s *Schedule) EncodeConfig() []byte {
	b, _ := json.Marshal(kept{s.ID, s.Instance, s.Revision, s.Config}) // of these types it cannot fail
	return b
}

// EncodeState is the second half of Encode.
func (s *Schedule) EncodeState() []byte {
	b, _ := json.Marshal(&s.State)
	return b
}

// Decode is the inverse of Encode. Errors: Internal (damaged data).
func Decode(config, state []byte) (*Schedule, error) {
	var k kept
	s := &Schedule{}
	if err := json.Unmarshal(config, &k); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the configuration of a schedule is damaged")
	}
	if err := json.Unmarshal(state, &s.State); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the state of schedule %q is damaged", k.ID)
	}
	s.ID, s.Instance, s.Revision, s.Config = k.ID, k.Instance, k.Revision, k.Config
	times, err := ParseTimes(&k.Config.Spec)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the times of schedule %q cannot be read", k.ID)
	}
	s.times = times
	return s, nil
}

// Clone is an independent copy.
func (s *Schedule) Clone() *Schedule {
	c := *s
	c.State.Open, c.State.Waiting = slices.Clone(s.State.Open), slices.Clone(s.State.Waiting)
	c.State.Backfills, c.State.Recent = slices.Clone(s.State.Backfills), slices.Clone(s.State.Recent)
	if s.State.Skipped != nil {
		c.State.Skipped = map[Reason]uint64{}
		for r, n := range s.State.Skipped {
			c.State.Skipped[r] = n
		}
	}
	return &c
}

// workflowID names the run of an action: every one gets an ID of its own.
func (s *Schedule) workflowID(a *Action) model.WorkflowID {
	id := s.Config.Action.WorkflowID + "-" + model.WorkflowID(time.Unix(a.Nominal, 0).UTC().Format(time.RFC3339))
	if a.Origin != OriginTick {
		id += "-" + model.WorkflowID(strconv.FormatUint(uint64(a.Ordinal), 10))
	}
	return id
}

// RequestID makes the start of an action happen once: for a tick it is made of the nominal time.
func (s *Schedule) RequestID(a *Action) model.RequestID {
	if a.Origin == OriginTick {
		return model.RequestID(s.Instance + "/" + strconv.FormatInt(a.Nominal, 10))
	}
	return model.RequestID(s.Instance + "/n" + strconv.FormatUint(uint64(a.Ordinal), 10))
}

// Upcoming lists the next nominal times of a schedule that is not held by anything, at most n.
func (s *Schedule) Upcoming(now time.Time, n int) []time.Time {
	var out []time.Time
	at := now
	if s.State.Paused || s.exhausted() {
		return nil
	}
	if through := time.Unix(0, s.State.Through); through.After(at) {
		at = through
	}
	if s.State.Limited {
		n = min(n, int(s.State.Remaining))
	}
	for len(out) < n {
		if at = s.times.Next(at); at.IsZero() {
			break
		}
		out = append(out, at)
	}
	return out
}

func (s *Schedule) exhausted() bool { return s.State.Limited && s.State.Remaining == 0 }
