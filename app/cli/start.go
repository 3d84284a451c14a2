package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

var (
	reusePolicies    = []string{"allow", "allow-if-failed", "reject"}
	conflictPolicies = []string{"fail", "use-existing", "terminate-existing"}
)

func (s *shell) startCommand() *cobra.Command {
	var in, id, requestID, queue, reuse, conflict, wait string
	var attributes []string
	var timeout time.Duration
	var times startTimes
	var priority int32
	var fairness, concurrency string
	cmd := &cobra.Command{
		Use: "start TYPE", Short: "Start a run of a workflow type", Args: cobra.ExactArgs(1),
		Example: `  aion start Hello --input '{"name":"Ada"}' --wait
  aion start Order --id order-7 --input @order.json --request-id 7f3a`,
		ValidArgsFunction: s.completeTypes,
		RunE: func(cmd *cobra.Command, args []string) error {
			r := ports.StartRequest{
				Namespace: s.ns(), Type: model.WorkflowType(args[0]), WorkflowID: model.WorkflowID(id), RequestID: model.RequestID(requestID),
				TaskQueue: model.TaskQueue(queue), RunTimeout: timeout, Priority: priority, FairnessKey: fairness, ConcurrencyKey: concurrency,
			}
			var err error
			if r.Input, err = s.input(in); err != nil {
				return err
			}
			if r.Attributes, err = attributeValues(attributes); err != nil {
				return err
			}
			times.set(&r)
			n, err := choice("--reuse", reuse, reusePolicies)
			if err != nil {
				return err
			}
			r.Reuse = ports.ReusePolicy(n)
			if n, err = choice("--conflict", conflict, conflictPolicies); err != nil {
				return err
			}
			r.Conflict = ports.ConflictPolicy(n)
			asked, limit, err := waiting(wait)
			if err != nil {
				return err
			}
			return s.start(cmd.Context(), r, asked, limit)
		},
	}
	f := cmd.Flags()
	bindInput(cmd, &in)
	f.StringVar(&id, "id", "", "workflow ID; one is made if there is none")
	f.StringVar(&requestID, "request-id", "", "a repeated start with the same request ID starts nothing anew")
	f.StringVar(&queue, "task-queue", "", "task queue of activities that name none (default: default)")
	times.bind(f)
	f.Int32Var(&priority, "priority", 0, "of its activities, from -10 to 10: the higher is handed out first")
	f.StringVar(&fairness, "fairness-key", "", "of its activities: those of different keys have their turns")
	f.StringVar(&concurrency, "concurrency-key", "", "of its activities: at most so many of a key run at once as aion queue set says")
	f.DurationVar(&timeout, "run-timeout", 0, "how long the run may be open, e.g. 24h; 0 = without an end")
	f.StringVar(&reuse, "reuse", "", "when a closed run has the ID: "+strings.Join(reusePolicies, ", "))
	f.StringVar(&conflict, "conflict", "", "when an open run has the ID: "+strings.Join(conflictPolicies, ", "))
	f.StringArrayVar(&attributes, "attribute", nil, "a search attribute, as NAME=VALUE, where VALUE is JSON, or text; may be repeated")
	bindWait(cmd, &wait, "wait for the result and print it; --wait=10s waits for at most so long")
	return cmd
}

func bindWait(cmd *cobra.Command, to *string, usage string) {
	cmd.Flags().StringVarP(to, "wait", "w", "", usage)
	cmd.Flags().Lookup("wait").NoOptDefVal = forever
}

// choice gives the number of a word, counted from 1; 0 for none.
func choice(flag, word string, words []string) (int, error) {
	if word == "" {
		return 0, nil
	}
	if i := slices.Index(words, word); i >= 0 {
		return i + 1, nil
	}
	return 0, usageError{fmt.Errorf("%s %q: must be one of %s", flag, word, strings.Join(words, ", "))}
}

// start starts a run and, where asked, waits for its end.
func (s *shell) start(ctx context.Context, r ports.StartRequest, wait bool, limit time.Duration) error {
	server, err := s.dial()
	if err != nil {
		return err
	}
	if r.RequestID == "" {
		r.RequestID = model.RequestID(uuid.NewString()) // so that the repetition below cannot start a second run
	}
	v := &vigil{shell: s, server: server, follow: true}
	if limit > 0 {
		v.until = time.Now().Add(limit)
	}
	if wait {
		r.Wait = v.slice(firstWait)
	}
	res, err := server.Start(ctx, r)
	if err != nil {
		return server.failed(err)
	}
	if !s.asJSON() || wait {
		s.reportStart(r, res)
	}
	v.ref = s.ref(string(res.WorkflowID), string(res.Run))
	if o := res.Outcome; wait && (o == nil || o.Status.Open() && o.Blocked == nil) {
		if o != nil {
			v.news(*o)
		}
		if o == nil || !v.over() {
			end, err := v.await(ctx)
			if err != nil {
				return err
			}
			res.Outcome = &end
		}
	}
	if s.asJSON() {
		if err := s.message(wire.EncodeStartResult(res)); err != nil {
			return err
		}
		return failedUnless(!wait || res.Outcome.Status == model.StatusCompleted)
	}
	if wait {
		return s.conclude(string(res.WorkflowID), *res.Outcome, true)
	}
	_, err = fmt.Fprintf(s.Out, "%s\n", res.WorkflowID)
	return err
}

// failedUnless is the exit code of a command that has printed everything.
func failedUnless(ok bool) error {
	if ok {
		return nil
	}
	return exitCode(exitFailure)
}

func (s *shell) reportStart(r ports.StartRequest, res ports.StartResult) {
	what := "started"
	if !res.Started {
		what = "was there already:"
	}
	s.say("%s %s  workflow %s  run %s  package %s", what, r.Type, res.WorkflowID, res.Run, short(res.Package))
}

func (s *shell) resultCommand() *cobra.Command {
	var run, wait, update string
	cmd := &cobra.Command{
		Use: "result WORKFLOW", Short: "Print the result of a run, or of one of its updates", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			asked, limit, err := waiting(wait)
			if err != nil {
				return err
			}
			server, err := s.dial()
			if err != nil {
				return err
			}
			if update != "" {
				return s.updateResult(cmd.Context(), server, args[0], run, update, asked, limit)
			}
			ref := s.ref(args[0], run)
			var o ports.Outcome
			if asked {
				v := &vigil{shell: s, server: server, ref: ref}
				if limit > 0 {
					v.until = time.Now().Add(limit)
				}
				o, err = v.await(cmd.Context())
			} else {
				o, err = server.Result(cmd.Context(), ports.ResultRequest{Ref: ref})
			}
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				if err := s.message(&aionv1.GetResultResponse{Outcome: wire.EncodeOutcome(o), RunId: string(o.Run)}); err != nil {
					return err
				}
				return failedUnless(o.Status == model.StatusCompleted)
			}
			return s.conclude(args[0], o, asked)
		},
	}
	bindRun(cmd, &run)
	cmd.Flags().StringVar(&update, "update", "", "an accepted update whose result is wanted, by its ID")
	bindWait(cmd, &wait, "wait for the end of the run; --wait=10s waits for at most so long")
	return cmd
}

func bindRun(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "run", "", "run ID; default: the latest run of the workflow")
}

// completeTypes offers the workflow types that have a route.
func (s *shell) completeTypes(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	server, err := s.dial()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), 2*time.Second)
	defer cancel()
	routes, err := server.Routes(ctx)
	if fault.ReasonOf(err) != fault.Unspecified {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var types []string
	for _, r := range routes {
		types = append(types, string(r.Type))
	}
	return types, cobra.ShellCompDirectiveNoFileComp
}
