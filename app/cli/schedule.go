package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

var overlapPolicies = []string{"skip", "buffer-one", "buffer-all", "cancel-other", "terminate-other", "allow-all"}

func (s *shell) scheduleCommand() *cobra.Command {
	c := &cobra.Command{Use: "schedule", Short: "Start runs at set times", Args: cobra.NoArgs, RunE: help}
	c.AddCommand(s.scheduleCreate(), s.scheduleDescribe(), s.scheduleList(), s.scheduleUpdate(), s.scheduleDelete(), s.schedulePause(), s.scheduleResume(),
		s.scheduleTrigger(), s.scheduleBackfill(), s.scheduleNext())
	return c
}

func (s *shell) scheduleRef(id string) ports.ScheduleRef {
	return ports.ScheduleRef{Namespace: s.ns(), ID: model.ScheduleID(id)}
}

// scheduleFlags are what create and update say about a schedule.
type scheduleFlags struct {
	crons, intervals                       []string
	zone, start, end                       string
	jitter, timeout, catchUp               time.Duration
	typ, workflowID, input, queue, overlap string
	buffer, remaining                      uint32
}

func (x *scheduleFlags) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&x.crons, "cron", nil, "a cron expression of 5 fields, or 6 with seconds in front; may be repeated")
	f.StringArrayVar(&x.intervals, "every", nil, "an interval, as EVERY or EVERY+OFFSET, e.g. 1h+5m; may be repeated")
	f.StringVar(&x.zone, "time-zone", "", "IANA time zone of the cron expressions, e.g. Europe/Berlin (default: UTC)")
	f.StringVar(&x.start, "start-at", "", "no tick before this time, as 2030-01-02T15:04:05Z")
	f.StringVar(&x.end, "end-at", "", "no tick after this time")
	f.DurationVar(&x.jitter, "jitter", 0, "let each tick be late by up to this, the same for each time")
	f.StringVar(&x.typ, "type", "", "the workflow type to start")
	f.StringVar(&x.workflowID, "workflow-id", "", "what the workflow IDs begin with (default: the schedule's ID)")
	f.StringVarP(&x.input, "input", "i", "", "input of each run: JSON, @file or - for standard input")
	f.StringVar(&x.queue, "task-queue", "", "task queue of activities that name none (default: default)")
	f.DurationVar(&x.timeout, "run-timeout", 0, "how long each run may be open; 0 = without an end")
	f.StringVar(&x.overlap, "overlap", "", "when a run is open at a tick: "+strings.Join(overlapPolicies, ", ")+" (default: skip)")
	f.DurationVar(&x.catchUp, "catch-up", 0, "make up for missed ticks that are not older than this (default: 1h)")
	f.Uint32Var(&x.buffer, "buffer-limit", 0, "how many ticks may wait with buffer-all (default: 100)")
	f.Uint32Var(&x.remaining, "remaining", 0, "how many more ticks start runs")
}

// moment reads a time of a flag.
func moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usageError{fmt.Errorf("%s %q: must be a time like 2030-01-02T15:04:05Z", flag, text)}
	}
	return t, nil
}

func overlapFlag(text string) (model.Overlap, error) {
	n, err := choice("--overlap", text, overlapPolicies)
	return model.Overlap(n), err
}

// apply puts the flags that were given into c, and says which parts changed.
func (x *scheduleFlags) apply(s *shell, cmd *cobra.Command, c *model.ScheduleConfig) (spec, action, policy bool, err error) {
	given := func(names ...string) bool { return slices.ContainsFunc(names, cmd.Flags().Changed) }
	if given("cron", "every") {
		c.Spec.Crons, c.Spec.Intervals = x.crons, nil
		for _, text := range x.intervals {
			every, offset, _ := strings.Cut(text, "+")
			i := model.ScheduleInterval{}
			if i.Every, err = time.ParseDuration(every); err == nil && offset != "" {
				i.Offset, err = time.ParseDuration(offset)
			}
			if err != nil {
				return spec, action, policy, usageError{fmt.Errorf("--every %q: must be EVERY or EVERY+OFFSET, e.g. 1h+5m", text)}
			}
			c.Spec.Intervals = append(c.Spec.Intervals, i)
		}
	}
	if given("time-zone") {
		c.Spec.TimeZone = x.zone
	}
	if given("start-at") {
		if c.Spec.StartAt, err = moment("--start-at", x.start); err != nil {
			return spec, action, policy, err
		}
	}
	if given("end-at") {
		if c.Spec.EndAt, err = moment("--end-at", x.end); err != nil {
			return spec, action, policy, err
		}
	}
	if given("jitter") {
		c.Spec.Jitter = x.jitter
	}
	a, p := &c.Action, &c.Policy
	if given("type") {
		a.Type = model.WorkflowType(x.typ)
	}
	if given("workflow-id") {
		a.WorkflowID = model.WorkflowID(x.workflowID)
	}
	if given("input") {
		if a.Input, err = s.input(x.input); err != nil {
			return spec, action, policy, err
		}
	}
	if given("task-queue") {
		a.TaskQueue = model.TaskQueue(x.queue)
	}
	if given("run-timeout") {
		a.RunTimeout = x.timeout
	}
	if given("overlap") {
		if p.Overlap, err = overlapFlag(x.overlap); err != nil {
			return spec, action, policy, err
		}
	}
	if given("catch-up") {
		p.CatchUp = x.catchUp
	}
	if given("buffer-limit") {
		p.BufferLimit = x.buffer
	}
	return given("cron", "every", "time-zone", "start-at", "end-at", "jitter"), given("type", "workflow-id", "input", "task-queue", "run-timeout"),
		given("overlap", "catch-up", "buffer-limit"), nil
}

// withSchedule calls the server for a schedule and prints it with -o json, else what say gives.
func (s *shell) withSchedule(cmd *cobra.Command, call func(ctx context.Context, server *server) (ports.Schedule, error), say func(x ports.Schedule) error) error {
	server, err := s.dial()
	if err != nil {
		return err
	}
	x, err := call(cmd.Context(), server)
	if err != nil {
		return server.failed(err)
	}
	if s.asJSON() {
		return s.message(wire.EncodeSchedule(x))
	}
	return say(x)
}

func (s *shell) sayNext(what string) func(x ports.Schedule) error {
	return func(x ports.Schedule) error {
		next := "no tick is to come"
		if x.Paused {
			next = "it is paused"
		} else if len(x.NextTimes) > 0 {
			next = "its next tick is at " + instant(x.NextTimes[0])
		}
		s.say("schedule %s %s: %s", x.Ref.ID, what, next)
		return nil
	}
}

func (s *shell) scheduleCreate() *cobra.Command {
	var x scheduleFlags
	var paused bool
	var note, requestID string
	cmd := &cobra.Command{
		Use: "create SCHEDULE", Short: "Make a schedule", Args: cobra.ExactArgs(1),
		Example: `  aion schedule create nightly --cron '0 3 * * *' --time-zone Europe/Berlin --type Report
  aion schedule create poll --every 5m --type Poll --overlap skip --input '{"source":"shop"}'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			r := ports.CreateScheduleRequest{Ref: s.scheduleRef(args[0]), Paused: paused, Note: note, RequestID: model.RequestID(requestID)}
			if _, _, _, err := x.apply(s, cmd, &r.Config); err != nil {
				return err
			}
			if r.Limited = cmd.Flags().Changed("remaining"); r.Limited {
				r.Remaining = x.remaining
			}
			return s.withSchedule(cmd, func(ctx context.Context, server *server) (ports.Schedule, error) {
				return server.CreateSchedule(ctx, r)
			}, s.sayNext("created"))
		},
	}
	x.bind(cmd)
	cmd.Flags().BoolVar(&paused, "paused", false, "make it paused")
	cmd.Flags().StringVar(&note, "note", "", "why it is paused")
	cmd.Flags().StringVar(&requestID, "request-id", "", "a repeated call with the same request ID changes nothing")
	return cmd
}

func (s *shell) scheduleUpdate() *cobra.Command {
	var x scheduleFlags
	var unlimited bool
	var etag string
	cmd := &cobra.Command{
		Use: "update SCHEDULE", Short: "Change what flags name; --cron and --every replace all times", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.withSchedule(cmd, func(ctx context.Context, server *server) (ports.Schedule, error) {
				ref := s.scheduleRef(args[0])
				is, err := server.GetSchedule(ctx, ref, 1)
				if err != nil {
					return is, err
				}
				r := ports.UpdateScheduleRequest{Ref: ref, Etag: is.Etag} // what is not named stays as it was read
				if etag != "" {
					r.Etag = etag
				}
				spec, action, policy, err := x.apply(s, cmd, &is.Config)
				if err != nil {
					return is, err
				}
				if spec {
					r.Spec = &is.Config.Spec
				}
				if action {
					r.Action = &is.Config.Action
				}
				if policy {
					r.Policy = &is.Config.Policy
				}
				switch {
				case cmd.Flags().Changed("remaining"):
					r.Limit = &ports.ScheduleLimit{Limited: true, Remaining: x.remaining}
				case unlimited:
					r.Limit = &ports.ScheduleLimit{}
				}
				return server.UpdateSchedule(ctx, r)
			}, s.sayNext("updated"))
		},
	}
	x.bind(cmd)
	cmd.Flags().BoolVar(&unlimited, "unlimited", false, "bound the number of ticks no more")
	cmd.Flags().StringVar(&etag, "etag", "", "change it only where it has this etag")
	return cmd
}

func (s *shell) scheduleDelete() *cobra.Command {
	var etag string
	cmd := &cobra.Command{
		Use: "delete SCHEDULE", Short: "Remove a schedule; runs that it started go on", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			if err := server.DeleteSchedule(cmd.Context(), ports.ScheduleChange{Ref: s.scheduleRef(args[0]), Etag: etag}); err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.value(map[string]any{"scheduleId": args[0], "deleted": true})
			}
			s.say("schedule %s deleted", args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&etag, "etag", "", "remove it only where it has this etag")
	return cmd
}

func (s *shell) schedulePause() *cobra.Command {
	var note string
	cmd := &cobra.Command{
		Use: "pause SCHEDULE", Short: "Hold the ticks of a schedule; runs that are open go on", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.withSchedule(cmd, func(ctx context.Context, server *server) (ports.Schedule, error) {
				return server.PauseSchedule(ctx, ports.ScheduleChange{Ref: s.scheduleRef(args[0]), Note: note})
			}, s.sayNext("paused"))
		},
	}
	cmd.Flags().StringVar(&note, "note", "", "why")
	return cmd
}

func (s *shell) scheduleResume() *cobra.Command {
	var note string
	cmd := &cobra.Command{
		Use: "resume SCHEDULE", Short: "Let a paused schedule tick again, from now on", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.withSchedule(cmd, func(ctx context.Context, server *server) (ports.Schedule, error) {
				return server.ResumeSchedule(ctx, ports.ScheduleChange{Ref: s.scheduleRef(args[0]), Note: note})
			}, s.sayNext("resumed"))
		},
	}
	cmd.Flags().StringVar(&note, "note", "", "why")
	return cmd
}

func (s *shell) scheduleTrigger() *cobra.Command {
	var overlap, requestID string
	cmd := &cobra.Command{
		Use: "trigger SCHEDULE", Short: "Start a run of a schedule now", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := overlapFlag(overlap)
			if err != nil {
				return err
			}
			return s.withSchedule(cmd, func(ctx context.Context, server *server) (ports.Schedule, error) {
				return server.TriggerSchedule(ctx, ports.TriggerScheduleRequest{Ref: s.scheduleRef(args[0]), Overlap: o, RequestID: model.RequestID(requestID)})
			}, s.sayNext("triggered"))
		},
	}
	cmd.Flags().StringVar(&overlap, "overlap", "", "another overlap policy than the schedule's: "+strings.Join(overlapPolicies, ", "))
	cmd.Flags().StringVar(&requestID, "request-id", "", "a repeated call with the same request ID changes nothing")
	return cmd
}

func (s *shell) scheduleBackfill() *cobra.Command {
	var from, to, overlap, requestID string
	cmd := &cobra.Command{
		Use: "backfill SCHEDULE", Short: "Start a run for every tick of a span of time", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := ports.BackfillScheduleRequest{Ref: s.scheduleRef(args[0]), RequestID: model.RequestID(requestID)}
			var err error
			if from == "" || to == "" {
				return usageError{fault.Invalidf("--from and --to are needed")}
			}
			if r.From, err = moment("--from", from); err != nil {
				return err
			}
			if r.To, err = moment("--to", to); err != nil {
				return err
			}
			if r.Overlap, err = overlapFlag(overlap); err != nil {
				return err
			}
			return s.withSchedule(cmd, func(ctx context.Context, server *server) (ports.Schedule, error) {
				return server.BackfillSchedule(ctx, r)
			}, s.sayNext("is backfilled"))
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the first nominal time, as 2030-01-02T15:04:05Z")
	cmd.Flags().StringVar(&to, "to", "", "the last nominal time")
	cmd.Flags().StringVar(&overlap, "overlap", "", "another overlap policy than the schedule's: "+strings.Join(overlapPolicies, ", "))
	cmd.Flags().StringVar(&requestID, "request-id", "", "a repeated call with the same request ID changes nothing")
	return cmd
}

func (s *shell) scheduleNext() *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use: "next SCHEDULE", Short: "Show the next times of a schedule", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.withSchedule(cmd, func(ctx context.Context, server *server) (ports.Schedule, error) {
				return server.GetSchedule(ctx, s.scheduleRef(args[0]), n)
			}, func(x ports.Schedule) error {
				loc, err := time.LoadLocation(x.Config.Spec.TimeZone)
				if err != nil {
					loc = time.UTC
				}
				var rows [][]string
				for _, t := range x.NextTimes {
					rows = append(rows, []string{t.In(loc).Format(time.RFC3339)})
				}
				if len(rows) == 0 {
					s.say("no tick of schedule %s is to come", x.Ref.ID)
					return nil
				}
				return s.table(rows)
			})
		},
	}
	cmd.Flags().IntVarP(&n, "count", "c", 10, "how many, at most 100")
	return cmd
}

func (s *shell) scheduleList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List schedules by ID", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			rows := [][]string{{"SCHEDULE", "TYPE", "TIMES", "NEXT", "STARTED", "SKIPPED", "FAILED", "OPEN"}}
			for q := (ports.ScheduleQuery{Namespace: s.ns(), Limit: 1000}); ; {
				page, next, err := server.ListSchedules(cmd.Context(), q)
				if err != nil {
					return server.failed(err)
				}
				for _, x := range page {
					if s.asJSON() {
						if err := s.message(wire.EncodeSchedule(x)); err != nil {
							return err
						}
						continue
					}
					when := "-"
					if x.Paused {
						when = "paused"
					} else if len(x.NextTimes) > 0 {
						when = instant(x.NextTimes[0])
					}
					rows = append(rows, []string{string(x.Ref.ID), string(x.Config.Action.Type), scheduleTimes(&x.Config.Spec), when, fmt.Sprint(x.Started), fmt.Sprint(skipped(x)),
						fmt.Sprint(x.Failed), fmt.Sprint(x.OpenCount)})
				}
				if q.After = next; next == "" {
					break
				}
			}
			if s.asJSON() {
				return nil
			}
			return s.table(rows)
		},
	}
}

func skipped(x ports.Schedule) (n uint64) {
	for _, k := range x.Skipped {
		n += k
	}
	return n
}

func scheduleTimes(spec *model.ScheduleSpec) string {
	out := slices.Clone(spec.Crons)
	for _, i := range spec.Intervals {
		text := "every " + i.Every.String()
		if i.Offset > 0 {
			text += "+" + i.Offset.String()
		}
		out = append(out, text)
	}
	text := strings.Join(out, ", ")
	if spec.TimeZone != "" {
		text += " " + spec.TimeZone
	}
	return text
}

func (s *shell) scheduleDescribe() *cobra.Command {
	return &cobra.Command{
		Use: "describe SCHEDULE", Short: "Show a schedule, its next times and its recent runs", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.withSchedule(cmd, func(ctx context.Context, server *server) (ports.Schedule, error) {
				return server.GetSchedule(ctx, s.scheduleRef(args[0]), 0)
			}, func(x ports.Schedule) error { return s.table(scheduleRows(x)) })
		},
	}
}

func scheduleRows(x ports.Schedule) [][]string {
	c := &x.Config
	rows := [][]string{{"schedule", string(x.Ref.ID)}, {"type", string(c.Action.Type)}, {"times", scheduleTimes(&c.Spec)}, {"overlap", c.Policy.Overlap.String()},
		{"catch-up", c.Policy.CatchUp.String()}, {"paused", fmt.Sprint(x.Paused)}}
	add := func(name, value string) { rows = append(rows, []string{name, value}) }
	if x.Note != "" {
		add("note", x.Note)
	}
	if x.Limited {
		add("remaining", fmt.Sprint(x.Remaining))
	}
	for _, t := range x.NextTimes {
		add("next", instant(t))
	}
	add("started", fmt.Sprint(x.Started))
	for _, r := range slices.Sorted(maps.Keys(x.Skipped)) {
		add("skipped", fmt.Sprintf("%d (%s)", x.Skipped[r], r))
	}
	if x.Failed > 0 {
		add("failed", fmt.Sprintf("%d, at last %s: %s", x.Failed, instant(x.LastErrorAt), x.LastError))
	}
	add("open", fmt.Sprint(x.OpenCount))
	if x.Waiting > 0 {
		add("waiting", fmt.Sprint(x.Waiting))
	}
	for _, b := range x.Backfills {
		add("backfill", fmt.Sprintf("behind %s through %s, %v", instant(b.After), instant(b.Through), b.Overlap))
	}
	for _, r := range x.Recent {
		status := r.Status.String()
		if r.Failure != "" {
			status = "not started: " + r.Failure
		}
		add("run", fmt.Sprintf("%s %s", r.WorkflowID, status))
	}
	add("etag", x.Etag)
	return rows
}
