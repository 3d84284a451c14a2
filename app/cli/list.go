package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// statuses are the words of --status.
func statuses() []string {
	var out []string
	for s := model.StatusRunning; s <= model.StatusContinuedAsNew; s++ {
		out = append(out, s.String())
	}
	return out
}

// status reads --status, in any case.
func status(text string) (model.Status, error) {
	if text == "" {
		return model.StatusUnspecified, nil
	}
	for _, name := range statuses() {
		if strings.EqualFold(name, text) {
			st, _ := model.ParseStatus(name)
			return st, nil
		}
	}
	return 0, usageError{fmt.Errorf("--status %q: must be one of %s", text, strings.Join(statuses(), ", "))}
}

func (s *shell) listCommand() *cobra.Command {
	var typ, state, where string
	var blocked, paused bool
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List runs, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := status(state)
			if err != nil {
				return err
			}
			if limit < 0 {
				return usageError{fmt.Errorf("--limit %d: must be 0 (all) or more", limit)}
			}
			server, err := s.dial()
			if err != nil {
				return err
			}
			q := ports.ListQuery{Namespace: s.ns(), Type: model.WorkflowType(typ), Status: st, Blocked: blocked, Filter: where, Paused: paused}
			rows := [][]string{{"WORKFLOW", "TYPE", "STATUS", "STARTED", "CLOSED", "RUN", "PACKAGE"}}
			more := false
			for n := 0; ; {
				q.Limit = 1000
				if limit > 0 {
					q.Limit = min(q.Limit, limit-n)
				}
				runs, next, err := server.List(cmd.Context(), q)
				if err != nil {
					return server.failed(err)
				}
				for _, r := range runs {
					if s.asJSON() {
						if err := s.message(wire.EncodeRun(r)); err != nil {
							return err
						}
						continue
					}
					rows = append(rows, []string{string(r.Key.WorkflowID), string(r.Type), statusText(r), instant(r.StartedAt), instant(r.ClosedAt), string(r.ID), short(r.Package)})
				}
				n += len(runs)
				q.After = next
				if more = next != nil; !more || limit > 0 && n >= limit {
					break
				}
			}
			if s.asJSON() {
				return nil
			}
			if len(rows) == 1 {
				s.say("no runs")
				return nil
			}
			if err := s.table(rows); err != nil {
				return err
			}
			if more {
				s.say("there are more: --limit 0 shows all, aion count counts them")
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&typ, "type", "", "only runs of this workflow type")
	f.StringVar(&state, "status", "", "only runs with this status: "+strings.Join(statuses(), ", "))
	f.BoolVar(&blocked, "blocked", false, "only runs that are Blocked")
	f.BoolVar(&paused, "paused", false, "only runs that are paused")
	f.StringVar(&where, "filter", "", filterHelp)
	f.IntVar(&limit, "limit", 50, "how many at most; 0 = all")
	return cmd
}

const filterHelp = "only runs that a filter is true for, in its order, e.g. \"customer = 'a' and status in ('Failed', 'Blocked') order by started_at desc\""

// countMatching prints a number, with a + where there are more.
func (s *shell) countMatching(ctx context.Context, server *server, q ports.CountQuery) error {
	res, err := server.CountMatching(ctx, q)
	if err != nil {
		return server.failed(err)
	}
	if s.asJSON() {
		return s.message(&aionv1.CountWorkflowsResponse{Count: res.N, AtLeast: res.AtLeast})
	}
	more := ""
	if res.AtLeast {
		more = "+"
	}
	_, err = fmt.Fprintf(s.Out, "%d%s\n", res.N, more)
	return err
}

func (s *shell) countCommand() *cobra.Command {
	var typ, state, where string
	cmd := &cobra.Command{
		Use: "count", Short: "Count runs by type and status", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := status(state)
			if err != nil {
				return err
			}
			server, err := s.dial()
			if err != nil {
				return err
			}
			if where != "" {
				return s.countMatching(cmd.Context(), server, ports.CountQuery{Namespace: s.ns(), Type: model.WorkflowType(typ), Status: st, Filter: where})
			}
			all, err := server.Count(cmd.Context(), s.ns())
			if err != nil {
				return server.failed(err)
			}
			all = slices.DeleteFunc(all, func(c ports.RunCount) bool {
				return c.N == 0 || typ != "" && string(c.Type) != typ || st != 0 && c.Status != st
			})
			slices.SortFunc(all, func(a, b ports.RunCount) int {
				return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Status, b.Status))
			})
			if s.asJSON() {
				m, err := wire.EncodeCount(&aionv1.CountWorkflowsRequest{}, all)
				if err != nil {
					return err
				}
				return s.message(m)
			}
			rows, total := [][]string{{"TYPE", "STATUS", "RUNS"}}, int64(0)
			for _, c := range all {
				rows = append(rows, []string{string(c.Type), c.Status.String(), fmt.Sprint(c.N)})
				total += c.N
			}
			return s.table(append(rows, []string{"", "total", fmt.Sprint(total)}))
		},
	}
	cmd.Flags().StringVar(&where, "filter", "", filterHelp)
	cmd.Flags().StringVar(&typ, "type", "", "only runs of this workflow type")
	cmd.Flags().StringVar(&state, "status", "", "only runs with this status: "+strings.Join(statuses(), ", "))
	return cmd
}
