package verdict_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/test/evidence"
	"github.com/aionrun/aion/test/verdict"
)

var zero = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func ms(n int) time.Time { return zero.Add(time.Duration(n) * time.Millisecond) }

// event gives an event at n ms; its seq is filled in later.
func event(n int, e *aionv1.HistoryEvent) *aionv1.HistoryEvent {
	e.Time = timestamppb.New(ms(n))
	return e
}

func started(n int) *aionv1.HistoryEvent {
	return event(n, &aionv1.HistoryEvent{Attributes: &aionv1.HistoryEvent_Started{Started: &aionv1.Started{WorkflowType: "T"}}})
}

func scheduled(n int) *aionv1.HistoryEvent {
	return event(n, &aionv1.HistoryEvent{Attributes: &aionv1.HistoryEvent_ActivityScheduled{ActivityScheduled: &aionv1.ActivityScheduled{Ordinal: 1, ActivityType: "A"}}})
}

func attemptFailed(n int, attempt uint32) *aionv1.HistoryEvent {
	return event(n, &aionv1.HistoryEvent{Attributes: &aionv1.HistoryEvent_ActivityAttemptFailed{ActivityAttemptFailed: &aionv1.ActivityAttemptFailed{Ordinal: 1, Attempt: attempt}}})
}

func completed(n int, attempt uint32) *aionv1.HistoryEvent {
	return event(n, &aionv1.HistoryEvent{Attributes: &aionv1.HistoryEvent_ActivityCompleted{ActivityCompleted: &aionv1.ActivityCompleted{Ordinal: 1, Attempt: attempt, Result: &aionv1.Payload{Data: []byte("r")}}}})
}

func signal(n int) *aionv1.HistoryEvent {
	return event(n, &aionv1.HistoryEvent{Attributes: &aionv1.HistoryEvent_SignalReceived{SignalReceived: &aionv1.SignalReceived{Name: "S", RequestId: "m1"}}})
}

func closed(n int) *aionv1.HistoryEvent {
	return event(n, &aionv1.HistoryEvent{Attributes: &aionv1.HistoryEvent_Completed{Completed: &aionv1.Completed{}}})
}

func history(events ...*aionv1.HistoryEvent) map[string][]*aionv1.HistoryEvent {
	for i, e := range events {
		e.Seq = uint32(i + 1)
	}
	return map[string][]*aionv1.HistoryEvent{"w": events}
}

func step(n int, phase evidence.Phase, attempt uint32) evidence.Step {
	s := evidence.Step{Time: ms(n), Workflow: "w", Activity: 1, Attempt: attempt, PID: 7, Phase: phase}
	if phase == evidence.End {
		s.Result = evidence.Digest([]byte("r"))
	}
	return s
}

// sound is the evidence of a run in which the first attempt fails: started at 10 and acknowledged at 12, signaled, ended at 50.
func sound() evidence.Folder {
	return evidence.Folder{
		Starts:    []evidence.Start{{Time: ms(9), Workflow: "w"}, {Time: ms(12), Workflow: "w", Acked: true}},
		Messages:  []evidence.Message{{Time: ms(29), Workflow: "w", Request: "m1"}, {Time: ms(31), Workflow: "w", Request: "m1", Acked: true}},
		Histories: history(started(10), scheduled(10), attemptFailed(20, 1), signal(30), completed(50, 2), closed(50)),
		Ledger: []evidence.Step{step(14, evidence.Begin, 1), step(18, evidence.End, 1), step(22, evidence.Acked, 1),
			step(40, evidence.Begin, 2), step(45, evidence.End, 2), step(52, evidence.Acked, 2)},
		Kills: []evidence.Kill{{Time: ms(47), Victim: evidence.Server}, {Time: ms(42), Victim: evidence.Worker, PID: 9}, {Time: ms(70), Victim: evidence.Server}},
	}
}

func TestSound(t *testing.T) {
	v := verdict.Judge(sound())
	if v.Lost != nil || v.Repeated != nil || v.Wrong != nil {
		t.Fatalf("%q %q %q", v.Lost, v.Repeated, v.Wrong)
	}
	if v.Started != 1 || v.Attempts != 2 || v.ResultsRecorded != 1 || v.Messages != 1 || v.StatusLine() != "1 Completed" {
		t.Errorf("%+v", v)
	}
	for i, want := range []verdict.KillPoint{
		{OpenRuns: 1, InFlight: 1, SinceCommit: 17 * time.Millisecond},
		{OpenRuns: 1, Running: 1, SinceCommit: 12 * time.Millisecond},
		{SinceCommit: 20 * time.Millisecond},
	} {
		want.Kill = v.Kills[i].Kill
		if v.Kills[i] != want {
			t.Errorf("kill %d: %+v, not %+v", i, v.Kills[i], want)
		}
	}
	if got := []string{v.Kills[0].Phase(), v.Kills[1].Phase(), v.Kills[2].Phase()}; !slices.Equal(got, []string{"result in flight", "activity running", "idle"}) {
		t.Error(got)
	}
	if n := v.CountedKills(evidence.Server, func(k verdict.KillPoint) bool { return k.OpenRuns > 0 }); n != 1 {
		t.Error(n)
	}
}

// Each way in which a promise can be broken is found, and as what it is.
func TestFindings(t *testing.T) {
	for name, c := range map[string]struct {
		spoil                 func(f *evidence.Folder)
		lost, repeated, wrong string
	}{
		"start without history": {spoil: func(f *evidence.Folder) { f.Histories = nil; f.Ledger = nil; f.Messages = nil }, lost: "it has no history"},
		"start recorded later":  {spoil: func(f *evidence.Folder) { f.Starts[1].Time = ms(9) }, lost: "recorded 1ms after it was acknowledged"},
		"run did not end": {spoil: func(f *evidence.Folder) {
			f.Histories = history(started(10), scheduled(10), attemptFailed(20, 1), signal(30), completed(50, 2))
		}, lost: "did not end"},
		"acknowledged signal missing": {spoil: func(f *evidence.Folder) { f.Messages[1].Request = "m2" }, lost: "message m2 was acknowledged"},
		"signal recorded later":       {spoil: func(f *evidence.Folder) { f.Messages[1].Time = ms(29) }, lost: "message m1 was recorded 1ms after"},
		"acknowledged result recorded later": {spoil: func(f *evidence.Folder) { f.Ledger[5].Time = ms(49) },
			lost: "activity 1, attempt 2 was recorded 1ms after its result was acknowledged"},
		"acknowledged result, attempt timed out later": {spoil: func(f *evidence.Folder) { f.Ledger[2].Time = ms(19) }, lost: "attempt 1 was recorded 1ms after"},
		"acknowledged result missing": {spoil: func(f *evidence.Folder) {
			f.Histories = history(started(10), scheduled(10), signal(30))
		}, lost: "the history does not have it"},
		"activity not in history": {spoil: func(f *evidence.Folder) { f.Ledger[0].Activity = 5 }, lost: "activity 5 was run"},
		"begun after the result":  {spoil: func(f *evidence.Folder) { f.Ledger = append(f.Ledger, step(60, evidence.Begin, 2)) }, repeated: "began 10ms after its result was recorded"},
		"settled twice": {spoil: func(f *evidence.Folder) {
			f.Histories = history(started(10), scheduled(10), attemptFailed(20, 1), signal(30), completed(50, 2), completed(50, 2), closed(50))
		}, repeated: "was settled 2 times"},
		"event after the end": {spoil: func(f *evidence.Folder) { f.Histories = history(append(f.Histories["w"], signal(60))...) }, wrong: "follows the end of the run"},
		"gap in the history":  {spoil: func(f *evidence.Folder) { f.Histories["w"][5].Seq = 7 }, wrong: "event 7 stands where 6 should"},
		"time runs backwards": {spoil: func(f *evidence.Folder) { event(29, f.Histories["w"][4]) }, wrong: "older than the one before"},
		"result of nobody":    {spoil: func(f *evidence.Folder) { f.Ledger = f.Ledger[:3] }, wrong: "which no worker ran"},
		"another result":      {spoil: func(f *evidence.Folder) { f.Ledger[4].Result = "other" }, wrong: "a result that no worker answered"},
		"started by nobody":   {spoil: func(f *evidence.Folder) { f.Starts = nil }, wrong: "nobody started it"},
	} {
		t.Run(name, func(t *testing.T) {
			f := sound()
			c.spoil(&f)
			v := verdict.Judge(f)
			for what, pair := range map[string][2]string{
				"lost": {strings.Join(v.Lost, "; "), c.lost}, "repeated": {strings.Join(v.Repeated, "; "), c.repeated}, "wrong": {strings.Join(v.Wrong, "; "), c.wrong},
			} {
				if pair[1] != "" && !strings.Contains(pair[0], pair[1]) {
					t.Errorf("%s: %q does not say %q", what, pair[0], pair[1])
				}
			}
		})
	}
}
