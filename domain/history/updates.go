package history

import (
	"cmp"
	"maps"
	"slices"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// UpdateAccepted is a request to the code that its validator let in (rule D-4).
type UpdateAccepted struct {
	ID       model.UpdateID
	Name     model.UpdateName
	Input    model.Payload
	Identity string
	Header   map[string]string
}

// UpdateCompleted ends an update, with a result or, where Failure is set, without.
type UpdateCompleted struct {
	ID      model.UpdateID
	Result  model.Payload
	Failure *model.Failure
}

// Kind implements Attributes.
func (*UpdateAccepted) Kind() Kind { return KindUpdateAccepted }

// Kind implements Attributes.
func (*UpdateCompleted) Kind() Kind { return KindUpdateCompleted }

func (a *UpdateAccepted) walk(c *coder) {
	str(c, 1, &a.ID)
	str(c, 2, &a.Name)
	c.payload(3, &a.Input)
	str(c, 4, &a.Identity)
	c.entries(5, &a.Header)
}

func (a *UpdateCompleted) walk(c *coder) {
	str(c, 1, &a.ID)
	c.payload(2, &a.Result)
	c.failure(3, &a.Failure)
}

// Update is an update that was accepted. Name and At are kept while it is open.
type Update struct {
	Accepted  model.Seq
	Completed model.Seq // 0 while it is open
	Name      model.UpdateName
	At        int64
}

func (s *State) acceptUpdate(e *Event, a *UpdateAccepted) error {
	if s.Updates[a.ID] != nil {
		return fault.Internalf("history is damaged: event %d accepts update %q a second time", e.Seq, a.ID)
	}
	if s.Updates == nil {
		s.Updates = map[model.UpdateID]*Update{}
	}
	s.Updates[a.ID] = &Update{Accepted: e.Seq, Name: a.Name, At: e.Time}
	s.OpenUpdates++
	return nil
}

func (s *State) completeUpdate(e *Event, a *UpdateCompleted) error {
	u := s.Updates[a.ID]
	if u == nil || u.Completed != 0 {
		return fault.Internalf("history is damaged: event %d completes update %q, which is not open", e.Seq, a.ID)
	}
	*u = Update{Accepted: u.Accepted, Completed: e.Seq}
	s.OpenUpdates--
	return nil
}

// checkUpdate refuses a completion that cannot be.
func checkUpdate(s *State, c *UpdateCompleted) error {
	if u := s.Updates[c.ID]; u == nil || u.Completed != 0 {
		return refuse("the code completed update %q, which is not open", c.ID)
	}
	if n := c.Failure.Depth(); n > model.MaxFailureDepth {
		return refuse("the code failed update %q with a failure of %d causes; at most %d are allowed", c.ID, n, model.MaxFailureDepth)
	}
	return nil
}

// OpenUpdateIDs lists the updates that are not completed, in the order in which they were accepted.
func (s *State) OpenUpdateIDs() []model.UpdateID {
	if s.OpenUpdates == 0 {
		return nil
	}
	var out []model.UpdateID
	for id, u := range s.Updates {
		if u.Completed == 0 {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b model.UpdateID) int { return cmp.Compare(s.Updates[a].Accepted, s.Updates[b].Accepted) })
	return out
}

// CloseUpdates gives the completions of the updates that are open when a run is closed: they stand in front of the closing event, in the same
// append (rule D-4). nil for what closes nothing. Pure, like Decide, whose events follow.
func CloseUpdates(s *State, closing Attributes) []Attributes {
	if s.OpenUpdates == 0 || !closing.Kind().Closing() {
		return nil
	}
	f := &model.Failure{Type: model.FailureRunClosed, Message: "the run closed before the update was completed"}
	if closing.Kind() == KindContinuedAsNew {
		f = &model.Failure{Type: model.FailureRunContinued, Message: "the run continued as a new one before the update was completed", Retryable: true}
	}
	var out []Attributes
	for _, id := range s.OpenUpdateIDs() {
		out = append(out, &UpdateCompleted{ID: id, Failure: f})
	}
	return out
}

// walkUpdates codes the updates of a checkpoint, by ID.
func walkUpdates(c *coder, n int, s *State) {
	walk := func(c *coder, id *model.UpdateID, u *Update) {
		str(c, 1, id)
		num(c, 2, &u.Accepted)
		num(c, 3, &u.Completed)
		str(c, 4, &u.Name)
		c.int64(5, &u.At)
	}
	if c.enc {
		for _, id := range slices.Sorted(maps.Keys(s.Updates)) {
			at := c.open(n)
			walk(c, &id, s.Updates[id])
			c.close(at)
		}
		return
	}
	if c.match(n, wireBytes) {
		var id model.UpdateID
		u := &Update{}
		c.sub(func(sub *coder) { walk(sub, &id, u) })
		if s.Updates == nil {
			s.Updates = map[model.UpdateID]*Update{}
		}
		if s.Updates[id] = u; u.Completed == 0 {
			s.OpenUpdates++
		}
	}
}
