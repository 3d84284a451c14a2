package guest

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// ContinueOptions say what is different in the run that a run continues as. Zero fields are those of the run.
type ContinueOptions struct {
	TaskQueue  string
	RunTimeout time.Duration
}

// A ContinueAsNewError is returned by a workflow's code to go on as a new run of the chain, with an empty history.
type ContinueAsNewError struct {
	Type    string
	Input   Payload
	Options ContinueOptions
}

// Error says what is asked for.
func (e *ContinueAsNewError) Error() string { return "continue as a new run of " + e.Type }

// History tells what the run's code may know of its history. Between Begin and Apply.
func (in *Instance) History(length uint32, bytes int64, suggest bool) {
	in.info.HistoryLength, in.info.HistoryBytes, in.info.ContinueAsNewSuggested = length, bytes, suggest
}

func decodeParent(b []byte) (p Parent) {
	for d := (decoder{rest: b}); d.next(); {
		switch d.num {
		case 1:
			p.WorkflowID = d.string()
		case 2:
			p.RunID = d.string()
		}
	}
	if strings.IndexFunc(p.WorkflowID, func(r rune) bool { return r < ' ' }) >= 0 {
		return Parent{} // another kind of chain started the run
	}
	return p
}

// unreceived lists the seqs of the signals that the code was given and did not receive, in recorded order.
func (in *Instance) unreceived() []uint32 {
	var out []uint32
	for _, q := range in.signals {
		for _, s := range q.items {
			out = append(out, s.seq)
		}
	}
	slices.SortFunc(out, cmp.Compare[uint32])
	return out
}

func (in *Instance) appendContinuedAsNew(b []byte, e *ContinueAsNewError) []byte {
	b, o, i := openCommand(b, kindContinuedAsNew)
	b = appendString(b, 2, strings.ToValidUTF8(e.Type, "\uFFFD"))
	b = appendPayload(b, 3, e.Input)
	b = appendString(b, 4, strings.ToValidUTF8(e.Options.TaskQueue, "\uFFFD"))
	b = appendDuration(b, 5, e.Options.RunTimeout)
	if carried := in.unreceived(); len(carried) > 0 {
		var mark int
		b, mark = openMessage(b, 6)
		for _, v := range carried {
			b = appendVarint(b, uint64(v))
		}
		b = closeMessage(b, mark)
	}
	return closeCommand(b, o, i)
}
