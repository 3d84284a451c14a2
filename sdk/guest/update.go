package guest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// An UpdateHandler does what updates of one name ask for.
type UpdateHandler struct {
	// Run does it, as a coroutine of its own.
	Run func(ctx Context, input Payload) (Payload, error)
	// Decode says whether an input is one; it looks at nothing of the workflow.
	Decode func(input Payload) error
	// Validate says whether an update is to be accepted; nil accepts all. It may only look at variables of the workflow.
	Validate func(input Payload) error
}

// updates is what an instance knows of updates.
type updates struct {
	handlers map[string]updateHandler
	waiting  map[string][]accepted // those without a handler, until there is one
	open     int                   // accepted and not completed
}

type updateHandler struct {
	UpdateHandler
	ctx Context // of the code that set it
}

type accepted struct {
	id    string
	input Payload
}

// HandleUpdate makes h do the updates of a name from now on, in the scope of ctx, beginning with those that were accepted and had no handler.
func HandleUpdate(ctx Context, name string, h UpdateHandler) {
	in := ctx.inst
	in.use("handling the update " + name)
	u := &in.updates
	if u.handlers == nil {
		u.handlers = map[string]updateHandler{}
	}
	u.handlers[name] = updateHandler{h, ctx}
	waiting := u.waiting[name]
	delete(u.waiting, name)
	for _, a := range waiting {
		in.runUpdate(u.handlers[name], a)
	}
}

// UpdatesOpen is how many updates are accepted and not completed.
func UpdatesOpen(ctx Context) int { return ctx.inst.known("workflow.UpdatesOpen").updates.open }

// acceptUpdate takes an accepted update. It is not validated again: acceptance is a fact of the history.
func (in *Instance) acceptUpdate(id, name string, input Payload) {
	u := &in.updates
	u.open++
	a := accepted{id, input}
	if h, ok := u.handlers[name]; ok {
		in.runUpdate(h, a)
		return
	}
	if u.waiting == nil {
		u.waiting = map[string][]accepted{}
	}
	u.waiting[name] = append(u.waiting[name], a)
}

func (in *Instance) runUpdate(h updateHandler, a accepted) {
	in.start(func() {
		out, err := h.Run(h.ctx, a.input)
		in.updates.open--
		in.commands = appendUpdateCompleted(in.commands, a.id, out, err)
	})
}

func appendUpdateCompleted(b []byte, id string, out Payload, err error) []byte {
	b, o, i := openCommand(b, kindUpdateCompleted)
	b = appendString(b, 1, id)
	if err != nil {
		b = appendFailure(b, 3, FailureOf(err))
	} else {
		b = appendPayload(b, 2, out)
	}
	return closeCommand(b, o, i)
}

// UpdateVerdict says whether an update would be accepted. Kind and Error are as in a QueryResult: QueryUnknown without a handler, QueryFailed where
// it is rejected. Type is the type of the error.
type UpdateVerdict struct {
	Kind  QueryErrorKind
	Error string
	Type  string
}

// PrecheckUpdate decides about an update as far as that needs no validator; decided is false where one must be asked. It changes nothing.
func (in *Instance) PrecheckUpdate(name string, input Payload) (v UpdateVerdict, decided bool) {
	h, ok := in.updates.handlers[name]
	switch {
	case in.closed || in.panicked != nil:
		return UpdateVerdict{Kind: QueryUnknown, Error: "the run has ended"}, true
	case !ok:
		known := "none is handled"
		if len(in.updates.handlers) > 0 {
			known = "handled are: " + strings.Join(slices.Sorted(maps.Keys(in.updates.handlers)), ", ")
		}
		return UpdateVerdict{Kind: QueryUnknown, Error: fmt.Sprintf("the run handles no update %q; %s", name, known)}, true
	}
	if h.Decode != nil {
		if err := h.Decode(input); err != nil {
			return rejectedBy(err), true
		}
	}
	return UpdateVerdict{}, h.Validate == nil
}

// ValidateUpdate says whether an update would be accepted. A validator that waits, issues a command or panics rejects. It may change the
// instance, which therefore must be a throw-away copy.
func (in *Instance) ValidateUpdate(name string, input Payload) (v UpdateVerdict) {
	v, decided := in.PrecheckUpdate(name, input)
	if decided {
		return v
	}
	was := in.mode
	in.mode = modeQuery
	defer func() {
		in.mode = was
		in.logs = nil
		if p := recover(); p != nil {
			v = UpdateVerdict{Kind: QueryFailed, Error: "the validator of update " + name + " panicked: " + panicText(p)}
		}
	}()
	if err := in.updates.handlers[name].Validate(input); err != nil {
		return rejectedBy(err)
	}
	return UpdateVerdict{}
}

func rejectedBy(err error) UpdateVerdict {
	v := UpdateVerdict{Kind: QueryFailed, Error: message(err)}
	var f Failer
	if errors.As(err, &f) {
		v.Type = f.Failure().Type
	}
	return v
}
