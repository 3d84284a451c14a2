package history_test

import (
	"slices"
	"testing"

	"github.com/aionrun/aion/domain/history"
)

// [C-4] The table of delivered kinds is frozen: replay depends on it. Numbers are never given to another kind.
func TestFrozenKinds(t *testing.T) {
	type row struct {
		number                      history.Kind
		name                        string
		delivered, command, closing bool
	}
	frozen := []row{
		{10, "Started", true, false, false},
		{11, "Completed", false, true, true},
		{12, "Failed", false, true, true},
		{13, "Canceled", false, true, true},
		{14, "Terminated", false, false, true},
		{15, "TimedOut", false, false, true},
		{16, "ContinuedAsNew", false, true, true},
		{17, "CancelRequested", true, false, false},
		{18, "Paused", false, false, false},
		{19, "Resumed", false, false, false},
		{20, "Activated", false, false, false},
		{21, "Blocked", false, false, false},
		{22, "Unblocked", false, false, false},
		{23, "Forked", true, false, false},
		{24, "Repinned", false, false, false},
		{25, "SearchAttributesUpserted", false, true, false},
		{30, "ActivityScheduled", false, true, false},
		{31, "ActivityAttemptStarted", false, false, false},
		{32, "ActivityAttemptFailed", false, false, false},
		{33, "ActivityCompleted", true, false, false},
		{34, "ActivityFailed", true, false, false},
		{35, "ActivityTimedOut", true, false, false},
		{36, "ActivityCancelRequested", false, true, false},
		{37, "ActivityCanceled", true, false, false},
		{38, "ActivityAttemptPending", false, false, false},
		{40, "TimerStarted", false, true, false},
		{41, "TimerFired", true, false, false},
		{42, "TimerCanceled", true, true, false},
		{50, "SignalReceived", true, false, false},
		{51, "SignalSendRequested", false, true, false},
		{52, "SignalSent", true, false, false},
		{53, "SignalSendFailed", true, false, false},
		{54, "CancelSendRequested", false, true, false},
		{55, "CancelSent", true, false, false},
		{56, "CancelSendFailed", true, false, false},
		{60, "UpdateAccepted", true, false, false},
		{61, "UpdateCompleted", false, true, false},
		{70, "ChildStartRequested", false, true, false},
		{71, "ChildStarted", true, false, false},
		{72, "ChildStartFailed", true, false, false},
		{73, "ChildCompleted", true, false, false},
		{74, "ChildFailed", true, false, false},
		{75, "ChildCanceled", true, false, false},
		{76, "ChildTerminated", true, false, false},
		{77, "ChildTimedOut", true, false, false},
		{78, "ChildCancelRequested", false, true, false},
		{80, "PatchMarked", false, false, false},
	}
	var known []history.Kind
	for k := history.Kind(0); ; k++ {
		if k.Known() {
			known = append(known, k)
		}
		if k == 255 {
			break
		}
	}
	var listed []history.Kind
	for _, r := range frozen {
		listed = append(listed, r.number)
		if r.number.String() != r.name || r.number.Delivered() != r.delivered || r.number.Closing() != r.closing {
			t.Errorf("kind %d is %v, delivered %v, closing %v; frozen as %+v", r.number, r.number, r.number.Delivered(), r.number.Closing(), r)
		}
	}
	if !slices.Equal(known, listed) {
		t.Errorf("known %v, frozen %v", known, listed)
	}
	for _, like := range kinds {
		i := slices.IndexFunc(frozen, func(r row) bool { return r.number == like.Kind() })
		cmds, err := history.DecodeCommands(history.AppendCommand(nil, like))
		if command := err == nil && len(cmds) == 1; i < 0 || command != frozen[i].command {
			t.Errorf("%v: a command %v, %v", like.Kind(), command, err)
		}
	}
}
