package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) repinCommand() *cobra.Command {
	var run, hash, typ, from string
	cmd := &cobra.Command{
		Use: "repin WORKFLOW|--type TYPE --package HASH", Short: "Move open runs to another package that replays them cleanly", Args: cobra.MaximumNArgs(1),
		Long: `Move an open run, or all open runs of a workflow type, to another package that replays them cleanly. A run that it does not replay stays as it is;
the exit code is then 1.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (typ != "") || from != "" && typ == "" || run != "" && typ != "" {
				return usageError{errors.New("name a workflow, or the open runs of a type with --type and, of one package only, --from")}
			}
			server, err := s.dial()
			if err != nil {
				return err
			}
			if typ != "" {
				return s.repinAll(cmd.Context(), server, model.WorkflowType(typ), from, model.PackageHash(hash))
			}
			id, through, err := server.Repin(cmd.Context(), ports.RepinRequest{Ref: s.ref(args[0], run), Package: model.PackageHash(hash)})
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(&aionv1.RepinWorkflowResponse{RunId: string(id), ReplayedThrough: uint32(through)})
			}
			s.say("workflow %s, run %s uses package %s from event %d on", args[0], id, hash, through+1)
			return nil
		},
	}
	bindRun(cmd, &run)
	cmd.Flags().StringVar(&typ, "type", "", "all open runs of this workflow type")
	cmd.Flags().StringVar(&from, "from", "", "with --type: only those that use this package now (the beginning of its hash)")
	cmd.Flags().StringVar(&hash, "package", "", "hash of the package, or its beginning (at least 7 digits)")
	// The only error is a flag that does not exist.
	_ = cmd.MarkFlagRequired("package")
	return cmd
}

// repinAll moves the open runs of a type, page by page, and tells which stay where they are.
func (s *shell) repinAll(ctx context.Context, server *server, t model.WorkflowType, from string, hash model.PackageHash) error {
	moved, stay := 0, 0
	q := ports.ListQuery{Namespace: s.ns(), Type: t, Status: model.StatusRunning, Limit: 1000}
	for {
		runs, next, err := server.List(ctx, q)
		if err != nil {
			return server.failed(err)
		}
		for _, r := range runs {
			if strings.HasPrefix(string(r.Package), string(hash)) && r.Blocked == "" || !strings.HasPrefix(string(r.Package), from) {
				continue
			}
			id, through, err := server.Repin(ctx, ports.RepinRequest{Ref: ports.WorkflowRef{Namespace: r.Key.Namespace, WorkflowID: r.Key.WorkflowID, Run: r.ID}, Package: hash})
			switch {
			case fault.Has(err, fault.NotRunning):
				continue // it has ended meanwhile
			case fault.Has(err, fault.Blocked):
				stay++
				s.say("workflow %s, run %s stays with package %s: %v", r.Key.WorkflowID, r.ID, short(r.Package), err)
				continue
			case err != nil:
				return server.failed(err)
			}
			moved++
			if s.asJSON() {
				if err := s.message(&aionv1.RepinWorkflowResponse{RunId: string(id), ReplayedThrough: uint32(through)}); err != nil {
					return err
				}
				continue
			}
			if _, err := fmt.Fprintf(s.Out, "%s\t%s\n", r.Key.WorkflowID, id); err != nil {
				return err
			}
		}
		if q.After = next; next == nil {
			s.say("%s moved, %d stayed", plural(moved, "run"), stay)
			return failedUnless(stay == 0)
		}
	}
}
