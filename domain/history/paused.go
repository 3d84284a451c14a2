package history

import (
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// Paused holds a run: what arrives is recorded, its code is not activated, none of its attempts is handed out (rule D-10).
type Paused struct {
	Reason    string
	Identity  string
	RequestID model.RequestID
}

// Resumed lets a paused run go on.
type Resumed struct {
	Reason    string
	Identity  string
	RequestID model.RequestID
}

// Kind is KindPaused.
func (*Paused) Kind() Kind { return KindPaused }

// Kind is KindResumed.
func (*Resumed) Kind() Kind { return KindResumed }

func (a *Paused) walk(c *coder) {
	str(c, 1, &a.Reason)
	str(c, 2, &a.Identity)
	str(c, 3, &a.RequestID)
}

func (a *Resumed) walk(c *coder) {
	str(c, 1, &a.Reason)
	str(c, 2, &a.Identity)
	str(c, 3, &a.RequestID)
}

// foldPause follows Paused and Resumed. Being Blocked is another fact, which they do not touch.
func (s *State) foldPause(e *Event, paused bool) error {
	if s.Paused == paused {
		return fault.Internalf("history is damaged: event %d is %v, but paused is %v already", e.Seq, e.Kind(), paused)
	}
	s.Paused = paused
	return nil
}
