package history

import (
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// PatchMarked says that the code asked for a patch in this activation and was told that it is in (rule D-5). The host writes it, before the
// activation's commands.
type PatchMarked struct{ ID string }

// Kind is KindPatchMarked.
func (*PatchMarked) Kind() Kind { return KindPatchMarked }

func (a *PatchMarked) walk(c *coder) { str(c, 1, &a.ID) }

func (s *State) foldPatch(e *Event, a *PatchMarked) error {
	if s.Patches[a.ID] {
		return fault.Internalf("history is damaged: event %d marks patch %q again", e.Seq, a.ID)
	}
	if s.Patches == nil {
		s.Patches = map[string]bool{}
	}
	s.Patches[a.ID] = true
	return nil
}

// Patches answers what code asks of its patches while it makes steps (rule D-5): every patch is in, and those that are asked for first are marked
// by events of the activation. It belongs to one activation.
type Patches struct {
	state  *State
	marked []Attributes
}

// LivePatches begins an activation of the code at state s.
func LivePatches(s *State) *Patches { return &Patches{state: s} }

// Ask answers whether a patch is in. One whose name cannot be recorded is not.
func (p *Patches) Ask(id string) bool {
	if model.ValidateID("patch", id) != nil {
		return false
	}
	if p.state.Patches[id] {
		return true
	}
	for _, m := range p.marked {
		if m.(*PatchMarked).ID == id {
			return true
		}
	}
	p.marked = append(p.marked, &PatchMarked{ID: id})
	return true
}

// Marks are the events to record, in the order of the questions.
func (p *Patches) Marks() []Attributes { return p.marked }
