package history

import (
	"bytes"
	"fmt"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// Mismatch says that code, replayed, did not do what the history records (rule D-10).
type Mismatch struct {
	Seq      model.Seq
	Expected string // what the history records
	Found    string // what the code did
}

// Error gives the difference.
func (m *Mismatch) Error() string {
	return fmt.Sprintf("replay differs at event %d: the history has %s, the code did %s", m.Seq, m.Expected, m.Found)
}

// Activate runs the code with the delivered events (a page) at a boundary and gives its commands, encoded.
type Activate func(events []byte, at Boundary) ([]byte, error)

// Boundary is what an activation shows to the code beside the events: the same on every replay.
type Boundary struct {
	Now     time.Time // of the Activated
	Length  model.Seq // the number of events in front of the Activated
	Bytes   int64     // their encoded size
	Suggest bool      // that the code continues as new, before the history meets its limits
	// Patched answers what the code asks of its patches as it was answered when the history was made (rule D-5).
	Patched func(id string) bool
}

// Replayer folds a history and drives code through its recorded activations (rule C-2), comparing each command with what is
// recorded. Feed it the history's pages in order. It belongs to one goroutine.
type Replayer struct {
	State    *State
	activate Activate
	want     []Attributes // what the code did in the current activation and must follow in the history
	left     uint32       // how many recorded events of the current activation are still to come
	cmds     []Attributes // commands of the current activation that are not decided yet
	events   []byte
	waits    bool      // the code is still to be activated: the patches that it was told of come first
	at       model.Seq // the present activation, and its time
	boundary Boundary
	resuming bool // events up to the state's seq are given to it with Resume
	// Stop ends the activating, though not the folding, behind the Activated with this seq; 0 = never.
	Stop model.Seq
}

// NewReplayer begins a replay from the first event. activate is nil to fold only.
func NewReplayer(activate Activate) *Replayer {
	return &Replayer{State: NewState(), activate: activate}
}

// ResumeReplayer goes on behind a restored state, folding only.
func ResumeReplayer(s *State) *Replayer { return &Replayer{State: s, resuming: true} }

// Feed replays a page. Events below the next seq are skipped (a page may begin inside a row). The errors are those of the fold, a
// *Mismatch, a *Refusal, or what activate answered.
func (r *Replayer) Feed(page []byte) error {
	for len(page) > 0 {
		raw, framed, rest, err := Split(page)
		if err != nil {
			return err
		}
		page = rest
		e, err := DecodeEvent(raw)
		if err != nil {
			return err
		}
		if e.Seq <= r.State.Seq {
			if r.resuming {
				r.State.Resume(&e, framed)
			}
			continue
		}
		r.resuming = false
		if err := r.step(&e, framed); err != nil {
			return err
		}
	}
	return nil
}

func (r *Replayer) step(e *Event, framed []byte) error {
	a, isActivated := e.Attr.(*Activated)
	if r.activate != nil && r.left > 0 {
		if err := r.follow(e, framed); err != nil {
			return err
		}
	} else if r.activate != nil && isActivated {
		r.collect(a.Through)
	}
	before := r.State.Bytes
	if err := r.State.Apply(e, framed); err != nil {
		return err
	}
	if r.activate == nil {
		return nil
	}
	if isActivated {
		r.left, r.waits, r.at = a.Commands, true, e.Seq
		r.boundary = Boundary{Now: e.At(), Length: e.Seq - 1, Bytes: before, Suggest: a.Suggest, Patched: func(id string) bool { return r.State.Patches[id] }}
	}
	if r.left > 0 {
		return nil
	}
	if r.waits {
		if err := r.run(); err != nil || r.activate == nil {
			return err
		}
	}
	return r.surplus(e.Seq)
}

// follow takes a recorded event that came of the present activation: what the code was told of its patches, or what it did.
func (r *Replayer) follow(e *Event, framed []byte) error {
	if r.waits {
		if e.Kind() == KindPatchMarked {
			r.left--
			return nil
		}
		if err := r.run(); err != nil || r.activate == nil {
			return err
		}
	}
	return r.compare(e, framed)
}

// run activates the code.
func (r *Replayer) run() error {
	r.waits = false
	out, err := r.activate(r.events, r.boundary)
	if err != nil {
		return err
	}
	if r.cmds, err = DecodeCommands(out); err != nil {
		return err
	}
	r.want = nil
	if r.at == r.Stop {
		r.activate, r.left = nil, 0
	}
	return nil
}

// collect takes the events that the activation through seq gives to the code.
func (r *Replayer) collect(through model.Seq) {
	r.events = r.events[:0]
	for _, p := range r.State.Pending {
		if p.Seq > through {
			break
		}
		r.events = append(r.events, p.Framed...)
	}
}

// compare holds the recorded event against what the code did.
func (r *Replayer) compare(e *Event, framed []byte) error {
	for len(r.want) == 0 {
		if len(r.cmds) == 0 {
			return &Mismatch{Seq: e.Seq, Expected: Describe(e.Attr), Found: "nothing"}
		}
		events, n, err := Decide(r.State, r.cmds[0])
		if err != nil {
			return err
		}
		r.want = append(append(r.want, CloseUpdates(r.State, r.cmds[0])...), events[:n]...)
		r.cmds = r.cmds[1:]
	}
	if !Same(r.want[0], e.Attr) {
		exp, found := DescribeDifference(e.Attr, r.want[0])
		return &Mismatch{Seq: e.Seq, Expected: exp, Found: found}
	}
	r.want = r.want[1:]
	r.left--
	return nil
}

// surplus refuses commands that the history does not have.
func (r *Replayer) surplus(at model.Seq) error {
	for len(r.cmds) > 0 || len(r.want) > 0 {
		if len(r.want) > 0 {
			return &Mismatch{Seq: at + 1, Expected: "nothing", Found: Describe(r.want[0])}
		}
		if !r.State.Open() {
			return &Mismatch{Seq: at + 1, Expected: "nothing", Found: Describe(r.cmds[0])}
		}
		events, n, err := Decide(r.State, r.cmds[0])
		if err != nil {
			return err
		}
		r.want = append(append(r.want, CloseUpdates(r.State, r.cmds[0])...), events[:n]...)
		r.cmds = r.cmds[1:]
	}
	return nil
}

// Finish says whether the history ended between an activation and its commands, which a store never shows.
func (r *Replayer) Finish() error {
	if r.left > 0 {
		return fault.Internalf("history is damaged: it ends inside an activation")
	}
	return nil
}

// Same says whether two attributes are equal in everything that replay compares: kind, ordinal, name, options and input.
func Same(a, b Attributes) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	return bytes.Equal(AppendCommand(nil, compared(a)), AppendCommand(nil, compared(b)))
}

// compared leaves out what the engine and not the code decides.
func compared(a Attributes) Attributes {
	switch c := a.(type) {
	case *ContinuedAsNew:
		other := *c
		other.NewRun = ""
		return &other
	case *Failed:
		return &Failed{Failure: c.Failure}
	}
	return a
}

// Describe names attributes in one line for people: what a command asks for.
func Describe(a Attributes) string {
	switch a := a.(type) {
	case *ActivityScheduled:
		return fmt.Sprintf("activity %d %q", a.Ordinal, a.Type)
	case *ActivityCancelRequested:
		return fmt.Sprintf("cancel of activity %d", a.Ordinal)
	case *ActivityCanceled:
		return fmt.Sprintf("activity %d canceled", a.Ordinal)
	case *TimerStarted:
		return fmt.Sprintf("timer %d of %v", a.Ordinal, a.Delay)
	case *TimerCanceled:
		return fmt.Sprintf("cancel of timer %d", a.Ordinal)
	case *SearchAttributesUpserted:
		return a.describe()
	case *UpdateCompleted:
		return fmt.Sprintf("completion of update %q", a.ID)
	case *Completed:
		return "completion of the run"
	case *Failed:
		if a.Failure == nil {
			return "failure of the run"
		}
		return fmt.Sprintf("failure of the run with %q", a.Failure.Message)
	case *Canceled:
		return "cancellation of the run"
	case *PatchMarked:
		return fmt.Sprintf("mark of patch %q", a.ID)
	case *ContinuedAsNew:
		return fmt.Sprintf("continuing as a new run of %q", a.Type)
	}
	if text := describeBetween(a); text != "" {
		return text
	}
	return a.Kind().String()
}

// DescribeDifference describes two attributes that are not Same so that the difference shows.
func DescribeDifference(expected, found Attributes) (string, string) {
	e, f := Describe(expected), Describe(found)
	if e != f {
		return e, f
	}
	x, xok := expected.(*ActivityScheduled)
	y, yok := found.(*ActivityScheduled)
	switch {
	case xok && yok && x.Input.Digest() != y.Input.Digest():
		return e + " with input " + clip(x.Input), f + " with input " + clip(y.Input)
	case xok && yok:
		return fmt.Sprintf("%s with options %+v", e, x.Options), fmt.Sprintf("%s with options %+v", f, y.Options)
	}
	if x, ok := expected.(*Completed); ok {
		return e + " with " + clip(x.Result), f + " with " + clip(found.(*Completed).Result)
	}
	return e, f + " with other details"
}

func clip(p model.Payload) string {
	s := string(p.Data)
	if len(s) > 120 {
		s = s[:120] + "…"
	}
	d := p.Digest()
	return fmt.Sprintf("%q (digest %x)", s, d[:4])
}
