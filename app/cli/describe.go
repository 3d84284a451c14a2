package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
)

func (s *shell) describeCommand() *cobra.Command {
	var run string
	cmd := &cobra.Command{
		Use: "describe WORKFLOW", Short: "Show a run: what it waits for and why", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			d, err := server.Describe(cmd.Context(), s.ref(args[0], run))
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(wire.EncodeDescription(d))
			}
			return s.describe(d)
		},
	}
	bindRun(cmd, &run)
	return cmd
}

func (s *shell) describe(d ports.Description) error {
	r := d.Run
	rows := [][]string{
		{"workflow", string(r.Key.WorkflowID)}, {"run", string(r.ID)}, {"namespace", string(r.Key.Namespace)}, {"type", string(r.Type)},
		{"status", statusText(r)}, {"package", string(r.Package)}, {"task queue", string(r.TaskQueue)}, {"started", instant(r.StartedAt)},
	}
	if !r.ClosedAt.IsZero() {
		rows = append(rows, []string{"closed", instant(r.ClosedAt)})
	}
	rows = append(rows, []string{"history", plural(int(r.HeadSeq), "event") + ", " + bytesText(r.HistoryBytes)})
	for _, a := range r.Attributes {
		rows = append(rows, []string{"attribute " + a.Name, string(a.Value.Payload().Data)})
	}
	if d.HistoryWarning != "" {
		rows = append(rows, []string{"warning", d.HistoryWarning})
	}
	if d.Undelivered > 0 {
		rows = append(rows, []string{"undelivered", plural(d.Undelivered, "event")})
	}
	if d.CancelRequested {
		rows = append(rows, []string{"cancel", "requested"})
	}
	fmt.Fprintln(s.Out, d.Summary)
	if err := s.table(rows); err != nil {
		return err
	}
	if b := d.Blocked; b != nil {
		fmt.Fprintf(s.Out, "\nBlocked since %s: %s\n", instant(b.Since), b.What)
		if b.Expected != "" || b.Found != "" {
			fmt.Fprintf(s.Out, "  the history has  %s\n  the code did     %s\n", b.Expected, b.Found)
		}
		if b.Stack != "" {
			fmt.Fprintln(s.Out, b.Stack)
		}
	}
	if len(d.Activities) > 0 {
		fmt.Fprintln(s.Out)
		rows = [][]string{{"ACTIVITY", "TYPE", "QUEUE", "STATE", "ATTEMPT", "SCHEDULED", "WORKER", "LAST FAILURE"}}
		for _, a := range d.Activities {
			rows = append(rows, activityRow(a))
		}
		if err := s.table(rows); err != nil {
			return err
		}
	}
	for _, a := range d.Activities {
		if len(a.Token) > 0 {
			fmt.Fprintf(s.Out, "\naion activity complete %s --result JSON   ends activity %d\n", activity.EncodeToken(a.Token), a.Ordinal)
		}
	}
	if len(d.Updates) > 0 {
		fmt.Fprintln(s.Out)
		rows = [][]string{{"UPDATE", "NAME", "ACCEPTED"}}
		for _, u := range d.Updates {
			rows = append(rows, []string{string(u.ID), string(u.Name), instant(u.AcceptedAt)})
		}
		if err := s.table(rows); err != nil {
			return err
		}
	}
	if err := s.children(d); err != nil {
		return err
	}
	if len(d.Timers) > 0 {
		fmt.Fprintln(s.Out)
		rows = [][]string{{"TIMER", "DUE"}}
		for _, t := range d.Timers {
			rows = append(rows, []string{fmt.Sprint(t.Ordinal), instant(t.DueAt)})
		}
		return s.table(rows)
	}
	return nil
}

var phases = map[ports.ActivityPhase]string{
	ports.PhaseQueued: "queued", ports.PhaseRunning: "running", ports.PhaseBackingOff: "backing off", ports.PhaseCanceling: "canceling",
	ports.PhasePending: "pending",
}

func activityRow(a ports.PendingActivity) []string {
	attempt := fmt.Sprint(a.Attempt)
	if a.MaxAttempts > 0 {
		attempt += fmt.Sprintf(" of %d", a.MaxAttempts)
	}
	state := phases[a.Phase]
	if !a.NextAt.IsZero() {
		state += fmt.Sprintf(", next in %v", max(time.Until(a.NextAt), 0).Round(100*time.Millisecond))
	}
	failure := ""
	if a.LastFailure != nil {
		failure = failureText(a.LastFailure)
	}
	return []string{fmt.Sprint(a.Ordinal), string(a.Type), string(a.Queue), state, attempt, instant(a.ScheduledAt), a.Worker, failure}
}

func statusText(r ports.Run) string {
	switch {
	case r.Blocked != "" && r.Paused:
		return r.Status.String() + " (Blocked, Paused)"
	case r.Blocked != "":
		return r.Status.String() + " (Blocked)"
	case r.Paused:
		return r.Status.String() + " (Paused)"
	}
	return r.Status.String()
}
