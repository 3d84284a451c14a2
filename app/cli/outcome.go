package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// forever is what --wait without a time means.
const forever = "forever"

// waiting reads a --wait flag: "" is not at all, forever is without an end.
func waiting(text string) (wait bool, limit time.Duration, err error) {
	if text == "" || text == forever {
		return text == forever, 0, nil
	}
	limit, err = time.ParseDuration(text)
	if err != nil || limit <= 0 {
		return false, 0, usageError{fmt.Errorf("--wait=%s: must be a time such as 10s or 5m, or --wait alone to wait without an end", text)}
	}
	return true, limit, nil
}

// The first answer comes soon, so that somebody who watches learns why nothing moves.
const (
	firstWait = time.Second
	laterWait = 5 * time.Second
	// reconnects is how often a broken connection is tried again, a second apart, before waiting is given up.
	reconnects = 60
)

// vigil waits for the end of one run.
type vigil struct {
	shell  *shell
	server *server
	ref    ports.WorkflowRef
	follow bool      // on to the run that continues or repeats the one that has ended
	until  time.Time // zero = without an end
	said   string
	broken int
}

// slice is how long to wait in the next call.
func (v *vigil) slice(most time.Duration) time.Duration {
	if v.until.IsZero() {
		return most
	}
	return max(min(most, time.Until(v.until)), time.Millisecond)
}

// over says whether the time has passed.
func (v *vigil) over() bool { return !v.until.IsZero() && !time.Now().Before(v.until) }

// news prints what the run waits for when that has changed.
func (v *vigil) news(o ports.Outcome) {
	if o.WaitingFor != "" && o.WaitingFor != v.said && o.Blocked == nil {
		v.said = o.WaitingFor
		if thing, ok := strings.CutPrefix(o.WaitingFor, "it waits for "); ok {
			v.shell.say("waiting for %s", thing)
		} else {
			v.shell.say("waiting: %s", o.WaitingFor)
		}
	}
}

// await waits until the run ends, is Blocked, or the time has passed. A server that restarts meanwhile is waited for.
func (v *vigil) await(ctx context.Context) (ports.Outcome, error) {
	for next := firstWait; ; next = laterWait {
		o, err := v.server.Result(ctx, ports.ResultRequest{Ref: v.ref, Wait: v.slice(next)})
		switch {
		case err != nil:
			if err := v.retry(ctx, err); err != nil {
				return ports.Outcome{}, err
			}
			continue
		case o.Next != "" && v.follow:
			v.ref.Run = o.Next
			continue
		case !o.Status.Open() || o.Blocked != nil || v.over():
			return o, nil
		}
		v.broken = 0
		v.news(o)
	}
}

// retry pauses before a call is tried again; the error comes back where that makes no sense.
func (v *vigil) retry(ctx context.Context, err error) error {
	r := fault.ReasonOf(err)
	if r != fault.Unavailable && r != fault.Draining && r != fault.Starting && r != fault.Overloaded || ctx.Err() != nil || v.over() || v.broken >= reconnects {
		return v.server.failed(err)
	}
	if v.broken == 0 {
		v.shell.say("waiting: the server cannot be reached now; trying again (%v)", v.server.failed(err))
	}
	v.broken++
	select {
	case <-ctx.Done():
		return v.server.failed(ctx.Err())
	case <-time.After(v.slice(time.Second)):
		return nil
	}
}

// conclude prints how a run stands: its result on standard output, anything else as an error. asked says that the caller waited.
func (s *shell) conclude(id string, o ports.Outcome, asked bool) error {
	switch o.Status {
	case model.StatusCompleted:
		text, err := payload(o.Result)
		if err == nil {
			_, err = fmt.Fprintln(s.Out, text)
		}
		return err
	case model.StatusFailed:
		return fault.New(fault.NotRunning, "workflow %s failed: %s", id, failureText(o.Failure)).Hinted("aion history %s shows what happened", id)
	case model.StatusCanceled:
		return fault.New(fault.NotRunning, "workflow %s was canceled", id)
	case model.StatusTerminated:
		return fault.New(fault.NotRunning, "workflow %s was terminated%s", id, because(o.Reason))
	case model.StatusContinuedAsNew:
		return fault.New(fault.NotRunning, "this run of workflow %s has ended and continues as a new run", id).Hinted("aion result %s, without a run ID, follows the chain", id)
	case model.StatusTimedOut:
		return fault.New(fault.NotRunning, "workflow %s timed out: its %s timeout passed", id, o.Timeout)
	}
	if o.Blocked != nil {
		return fault.New(fault.Blocked, "workflow %s is %s", id, blockedText(o.Blocked)).Hinted("aion describe %s shows more; aion repin %s --package HASH moves it to other code", id, id)
	}
	hint := fmt.Sprintf("aion result %s --wait waits for it", id)
	if asked {
		hint = fmt.Sprintf("aion result %s --wait goes on waiting", id)
	}
	return fault.New(fault.NotRunning, "workflow %s is still running: %s", id, o.WaitingFor).Hinted("%s", hint)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// failureText is a failure with its causes in one line.
func failureText(f *model.Failure) string {
	if f == nil {
		return "it left no error"
	}
	var parts []string
	for ; f != nil; f = f.Cause {
		text := f.Message
		if f.Type != "" {
			text = strings.TrimSuffix(f.Type+": "+text, ": ")
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", because of ")
}

func blockedText(b *ports.BlockedInfo) string {
	if b.AtSeq > 0 {
		return fmt.Sprintf("Blocked at seq %d (%s): %s", b.AtSeq, b.What, b.Message)
	}
	return fmt.Sprintf("Blocked (%s): %s", b.What, b.Message)
}
