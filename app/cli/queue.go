package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) queueCommand() *cobra.Command {
	queue := &cobra.Command{Use: "queue", Short: "Look at task queues, and limit them", Args: cobra.NoArgs, RunE: help}
	queue.AddCommand(&cobra.Command{
		Use: "list", Short: "List task queues that have workers, tasks or limits", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.listQueues(cmd.Context()) },
	}, &cobra.Command{
		Use: "describe QUEUE", Short: "Show who waits in a task queue, and for what", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.describeQueue(cmd.Context(), model.TaskQueue(args[0]))
		},
	}, s.setQueueCommand())
	return queue
}

func (s *shell) listQueues(ctx context.Context) error {
	server, err := s.dial()
	if err != nil {
		return err
	}
	all, err := server.TaskQueues(ctx, s.ns())
	if err != nil {
		return server.failed(err)
	}
	if s.asJSON() {
		m, err := wire.EncodeQueues(&aionv1.ListTaskQueuesRequest{Namespace: string(s.ns())}, all, len(all)+1, time.Now())
		if err != nil {
			return err
		}
		for _, q := range m.GetTaskQueues() {
			if err := s.message(q); err != nil {
				return err
			}
		}
		return nil
	}
	if len(all) == 0 {
		s.say("no task queue has workers or tasks")
		return nil
	}
	rows := [][]string{{"QUEUE", "NAMESPACE", "WORKERS", "SLOTS", "RUNNING", "WAITING", "OLDEST", "LIMITS"}}
	for _, q := range all {
		rows = append(rows, []string{string(q.Name), string(q.Namespace), fmt.Sprint(q.Workers), fmt.Sprintf("%d of %d used", q.SlotsUsed, q.Slots), fmt.Sprint(q.Running),
			waitingTasks(q), ago(q.Oldest), limits(q.Settings)})
	}
	return s.table(rows)
}

// waitingTasks tells how many tasks of a queue wait, and for what beside a slot.
func waitingTasks(q ports.QueueStatus) string {
	text := fmt.Sprint(q.Buffered)
	if q.Backlog {
		text = "more than " + text
	}
	if q.HeldByKeys > 0 {
		text += fmt.Sprintf(", %d for a key", q.HeldByKeys)
	}
	if q.Limited {
		text += ", for the rate"
	}
	return text
}

func ago(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return max(time.Since(at), 0).Round(time.Millisecond).String()
}

// limits tells what is set for a queue in the words of the flags that set it.
func limits(s ports.QueueSettings) string {
	var out []string
	add := func(flag string, v any, set bool) {
		if set {
			out = append(out, fmt.Sprintf("%s %v", flag, v))
		}
	}
	add("rate", s.Rate, s.Rate > 0)
	add("burst", s.Burst, s.Burst > 0)
	add("weight", s.Weight, s.Weight > 0)
	add("key-limit", s.KeyLimit, s.KeyLimit > 0)
	for _, k := range slices.Sorted(maps.Keys(s.KeyLimits)) {
		add("key", k+"="+strconv.Itoa(s.KeyLimits[k]), true)
	}
	for _, k := range slices.Sorted(maps.Keys(s.FairnessWeights)) {
		add("fairness", k+"="+strconv.Itoa(s.FairnessWeights[k]), true)
	}
	if len(out) == 0 {
		return "-"
	}
	return strings.Join(out, ", ")
}

func (s *shell) describeQueue(ctx context.Context, name model.TaskQueue) error {
	server, err := s.dial()
	if err != nil {
		return err
	}
	q, err := server.TaskQueue(ctx, s.ns(), name)
	if err != nil {
		return server.failed(err)
	}
	if s.asJSON() {
		return s.message(wire.EncodeQueueDescription(q, time.Now()))
	}
	err = s.table([][]string{
		{"Queue", string(q.Name)}, {"Namespace", string(q.Namespace)}, {"Workers", fmt.Sprint(q.Workers)}, {"Slots", fmt.Sprintf("%d of %d used", q.SlotsUsed, q.Slots)},
		{"Running", fmt.Sprint(q.Running)}, {"Waiting", waitingTasks(q.QueueStatus)}, {"Oldest", ago(q.Oldest)}, {"Limits", limits(q.Settings)},
	})
	if err == nil && len(q.Keys) > 0 {
		rows := [][]string{{"CONCURRENCY KEY", "USED", "WAITING", "OLDEST", "HELD BY"}}
		for _, k := range q.Keys {
			var held []string
			for _, h := range k.Holders[:min(len(k.Holders), 3)] {
				held = append(held, fmt.Sprintf("%s of %s", h.Type, h.WorkflowID))
			}
			if more := k.Held - len(held); more > 0 {
				held = append(held, fmt.Sprintf("%d more", more))
			}
			rows = append(rows, []string{k.Name, fmt.Sprintf("%d of %d", k.Held, k.Limit), fmt.Sprint(k.Waiting), ago(k.Oldest), strings.Join(held, ", ")})
		}
		fmt.Fprintln(s.Out)
		err = s.table(rows)
	}
	if err == nil && (len(q.Flows) > 1 || len(q.Flows) == 1 && q.Flows[0].Name != "") {
		rows := [][]string{{"FAIRNESS KEY", "WEIGHT", "WAITING"}}
		for _, f := range q.Flows {
			rows = append(rows, []string{f.Name, fmt.Sprint(f.Weight), fmt.Sprint(f.Waiting)})
		}
		fmt.Fprintln(s.Out)
		err = s.table(rows)
	}
	return err
}

// setQueueCommand changes the limits that flags name, and leaves the others as they are.
func (s *shell) setQueueCommand() *cobra.Command {
	var rate float64
	var burst, weight, keyLimit int
	var keys, fairness map[string]int
	var clear bool
	cmd := &cobra.Command{
		Use: "set QUEUE", Short: "Limit a task queue: its rate, places of concurrency keys, weights", Args: cobra.ExactArgs(1),
		Example: `  aion queue set mail --rate 10
  aion queue set default --key-limit 2 --key customer-7=5 --fairness gold=3
  aion queue set mail --rate 0`,
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			name := model.TaskQueue(args[0])
			now, err := server.TaskQueue(cmd.Context(), s.ns(), name)
			if err != nil {
				return server.failed(err)
			}
			set := now.Settings
			if clear {
				set = ports.QueueSettings{}
			}
			set.Namespace, set.Name = s.ns(), name
			f := cmd.Flags()
			if f.Changed("rate") {
				set.Rate = rate
				if rate == 0 {
					set.Burst = 0
				}
			}
			for flag, field := range map[string]struct {
				to   *int
				from int
			}{"burst": {&set.Burst, burst}, "weight": {&set.Weight, weight}, "key-limit": {&set.KeyLimit, keyLimit}} {
				if f.Changed(flag) {
					*field.to = field.from
				}
			}
			set.KeyLimits, set.FairnessWeights = named(set.KeyLimits, keys), named(set.FairnessWeights, fairness)
			if err := server.SetTaskQueue(cmd.Context(), set); err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(&aionv1.SetTaskQueueRequest{Namespace: string(s.ns()), Name: string(name), Settings: wire.EncodeQueueSettings(set)})
			}
			s.say("limits of queue %s: %s", name, limits(set))
			return nil
		},
	}
	f := cmd.Flags()
	f.Float64Var(&rate, "rate", 0, "tasks handed out per second; 0 = without a limit")
	f.IntVar(&burst, "burst", 0, "how many of them may follow each other at once; 0 = a tenth of a second's worth")
	f.IntVar(&weight, "weight", 0, "how many tasks a worker of several queues takes from this one in its turn; 0 = 1")
	f.IntVar(&keyLimit, "key-limit", 0, "how many tasks of one concurrency key run at once; 0 = 1")
	f.StringToIntVar(&keys, "key", nil, "the same for one concurrency key, as KEY=N; KEY=0 takes it back")
	f.StringToIntVar(&fairness, "fairness", nil, "how many turns a fairness key has, as KEY=N; KEY=0 takes it back")
	f.BoolVar(&clear, "clear", false, "first take back all limits of the queue")
	return cmd
}

// named changes numbers by name; 0 takes one back.
func named(now, changes map[string]int) map[string]int {
	out := maps.Clone(now)
	for k, n := range changes {
		if out == nil {
			out = map[string]int{}
		}
		if out[k] = n; n == 0 {
			delete(out, k)
		}
	}
	return out
}
