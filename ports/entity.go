package ports

import "github.com/aionrun/aion/domain/model"

// Entity is what a chain of another kind than a workflow keeps instead of a history (rule M-5): a schedule, for example. Both halves are replaced and
// never grow by themselves.
type Entity struct {
	Key    model.ChainKey // set by reads; an append's entity belongs to its own chain
	Config []byte         // what a caller said, which changes seldom; nil in an append leaves it as it is
	State  []byte         // what changes with every step

	// Remove takes the chain away in this append, with its entity and its request IDs. Its inbox stays: what is in it, or comes later, is for nobody.
	Remove bool
}

// checkEntity is Check for the append of a chain that has an entity: no runs, no history; it is created with a configuration.
func (a *Append) checkEntity() (head Head, must bool, err error) {
	switch {
	case len(a.Runs)+len(a.History)+len(a.Tasks)+len(a.TasksDone)+len(a.Counts)+len(a.Pins) > 0:
		return Head{}, false, a.invalid("it has an entity, and runs beside it")
	case a.Chain.CurrentRun != "" || a.Chain.HeadSeq != 0:
		return Head{}, false, a.invalid("it has an entity, and its chain row names the run %q", a.Chain.CurrentRun)
	case a.Expect == 0 && (a.Entity.Config == nil || a.Entity.Remove):
		return Head{}, false, a.invalid("it creates an entity without a configuration")
	}
	return Head{}, a.Expect > 0, nil
}
