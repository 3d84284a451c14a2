package cli

import (
	"context"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) cancelCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "cancel WORKFLOW", Short: "Ask a workflow's code to end; it may clean up first"}
	return s.endCommand(cmd, "cancel requested for", func(ctx context.Context, server *server, r ports.EndRequest) (model.RunID, proto.Message, error) {
		run, err := server.Cancel(ctx, r)
		return run, &aionv1.CancelWorkflowResponse{RunId: string(run)}, err
	})
}

func (s *shell) terminateCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "terminate WORKFLOW", Short: "Close a workflow at once; none of its code runs any more"}
	return s.endCommand(cmd, "terminated", func(ctx context.Context, server *server, r ports.EndRequest) (model.RunID, proto.Message, error) {
		run, err := server.Terminate(ctx, r)
		return run, &aionv1.TerminateWorkflowResponse{RunId: string(run)}, err
	})
}

func (s *shell) endCommand(cmd *cobra.Command, done string, call func(context.Context, *server, ports.EndRequest) (model.RunID, proto.Message, error)) *cobra.Command {
	var run, reason string
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		server, err := s.dial()
		if err != nil {
			return err
		}
		id, m, err := call(cmd.Context(), server, ports.EndRequest{Ref: s.ref(args[0], run), Reason: reason, RequestID: model.RequestID(uuid.NewString())})
		if err != nil {
			return server.failed(err)
		}
		if s.asJSON() {
			return s.message(m)
		}
		s.say("%s workflow %s, run %s", done, args[0], id)
		return nil
	}
	bindRun(cmd, &run)
	cmd.Flags().StringVar(&reason, "reason", "", "why; kept in the history")
	return cmd
}
