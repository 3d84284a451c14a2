package ports

import (
	"strconv"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// Head names the last event of a chain: its current run and that run's last seq.
type Head struct {
	Run model.RunID
	Seq model.Seq
}

// Check finds what contradicts itself in an append, before any store looks at its data (C-1). It gives the head that the
// chain must have for the append to fit, or must = false where any head fits because a new run begins: a store refuses an
// append whose version fits but whose head does not, with the error of HeadMismatch.
//
// An append that only consumes messages (OnlyConsumes) says nothing about a head: no store may have the chain.
//
// The rules for the others: Chain.Version is Expect+1; history rows stand in order, run by run, without gaps; a run other than the
// current one begins with seq 1 and brings its row in Runs; the last run in History is Chain.CurrentRun and ends at
// Chain.HeadSeq; a chain is created (Expect 0) with the first row of a new run; rows in Runs belong to the chain.
// Every error is InvalidInput and a defect of the caller.
func (a *Append) Check() (head Head, must bool, err error) {
	if a.OnlyConsumes() {
		return Head{}, false, nil
	}
	if a.Chain.Version != a.Expect+1 {
		return Head{}, false, a.invalid("its version afterwards is %d and not %d", a.Chain.Version, a.Expect+1)
	}
	if a.Entity != nil {
		return a.checkEntity()
	}
	for i := range a.Runs {
		if a.Runs[i].Key != a.Key {
			return Head{}, false, a.invalid("its run row %q belongs to chain %q/%q", a.Runs[i].ID, a.Runs[i].Key.Namespace, a.Runs[i].Key.WorkflowID)
		}
	}
	for i := range a.Attributes {
		if at := &a.Attributes[i]; !a.bringsAttribute(at) {
			return Head{}, false, a.invalid("search attribute %q of run %q is not what its run row has", at.Name, at.Run)
		}
	}
	if len(a.History) == 0 {
		if a.Expect == 0 {
			return Head{}, false, a.invalid("it creates the chain without a first history row")
		}
		return Head{a.Chain.CurrentRun, a.Chain.HeadSeq}, true, nil
	}
	for i := range a.History {
		h := &a.History[i]
		switch {
		case h.First < 1 || h.Last < h.First:
			return Head{}, false, a.invalid("history row %d of run %q has the seqs %d to %d", i, h.Run, h.First, h.Last)
		case i > 0 && a.History[i-1].Run == h.Run:
			if h.First != a.History[i-1].Last+1 {
				return Head{}, false, a.invalid("a gap in run %q: seq %d follows %d", h.Run, h.First, a.History[i-1].Last)
			}
		case h.First == 1:
			if !a.bringsRun(h.Run) {
				return Head{}, false, a.invalid("run %q begins without a run row", h.Run)
			}
		case i > 0 || a.Expect == 0:
			return Head{}, false, a.invalid("run %q begins with seq %d and not with 1", h.Run, h.First)
		default:
			head, must = Head{h.Run, h.First - 1}, true
		}
	}
	if last := &a.History[len(a.History)-1]; last.Run != a.Chain.CurrentRun || last.Last != a.Chain.HeadSeq {
		return Head{}, false, a.invalid("its history ends at run %q seq %d, its chain row names run %q seq %d",
			last.Run, last.Last, a.Chain.CurrentRun, a.Chain.HeadSeq)
	}
	return head, must, nil
}

// OnlyConsumes says that the append leaves a chain that does not exist as it is, and only consumes messages to it and sends others: Expect is 0,
// Chain the zero row, Take not empty, and everything but Take and Send is empty. It is refused with Conflict when the chain exists by then, and
// like any other append when a message is not there.
func (a *Append) OnlyConsumes() bool {
	return a.Expect == 0 && a.Chain == Chain{} && a.Entity == nil && len(a.Take) > 0 && len(a.Runs)+len(a.History)+len(a.Dedup)+len(a.Tasks)+len(a.TasksDone)+len(a.Counts)+len(a.Pins) == 0
}

// HeadMismatch is the error of an append whose version fits but whose history does not continue at the chain's head.
func (a *Append) HeadMismatch(is Head) error {
	return a.invalid("the chain's head is run %q seq %d, and the append does not continue there", is.Run, is.Seq)
}

// RunExists is the error of an append that begins a run which has history already.
func (a *Append) RunExists() error {
	return a.invalid("it begins a run that has history already")
}

// RunElsewhere is the error of an append that writes the row of a run which belongs to another chain.
func (a *Append) RunElsewhere(id model.RunID) error {
	return a.invalid("run %q belongs to another chain", id)
}

// VersionConflict is the error of an append whose version does not fit: version and head seq are what is there, 0 where nothing is.
func (a *Append) VersionConflict(version uint64, head model.Seq) error {
	return fault.New(fault.Conflict, "append to chain %q/%q expects version %d, the chain has version %d (head seq %d)",
		a.Key.Namespace, a.Key.WorkflowID, a.Expect, version, head).
		With("version", strconv.FormatUint(version, 10)).With("head_seq", strconv.FormatUint(uint64(head), 10))
}

// MessageMissing is the error of an append that takes an inbox message which is not there.
func (a *Append) MessageMissing(ref MessageRef, version uint64, head model.Seq) error {
	return fault.New(fault.Conflict, "append to chain %q/%q takes the inbox message %q, which is not there: it was consumed before",
		a.Key.Namespace, a.Key.WorkflowID, ref.DedupKey).
		With("version", strconv.FormatUint(version, 10)).With("head_seq", strconv.FormatUint(uint64(head), 10))
}

func (a *Append) bringsRun(id model.RunID) bool {
	for i := range a.Runs {
		if a.Runs[i].ID == id {
			return true
		}
	}
	return false
}

func (a *Append) bringsAttribute(at *AttributeRow) bool {
	for i := range a.Runs {
		if a.Runs[i].ID == at.Run {
			return a.Runs[i].Attributes.Get(at.Name).Equal(at.Value)
		}
	}
	return false
}

func (a *Append) invalid(format string, args ...any) error {
	args = append([]any{a.Key.Namespace, a.Key.WorkflowID}, args...)
	return fault.Invalidf("append to chain %q/%q refused: "+format, args...)
}
