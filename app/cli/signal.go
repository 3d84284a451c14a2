package cli

import (
	"github.com/google/uuid"
	"github.com/spf13/cobra"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) signalCommand() *cobra.Command {
	var in, run, requestID string
	cmd := &cobra.Command{
		Use: "signal WORKFLOW NAME", Short: "Send a signal to a workflow; it is recorded when the command returns", Args: cobra.ExactArgs(2),
		Example: `  aion signal order-7 approve --input '{"by":"Ada"}'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := s.input(in)
			if err != nil {
				return err
			}
			server, err := s.dial()
			if err != nil {
				return err
			}
			if requestID == "" {
				requestID = uuid.NewString()
			}
			id, err := server.Signal(cmd.Context(), ports.SignalRequest{
				Ref: s.ref(args[0], run), Name: model.SignalName(args[1]), Input: value, RequestID: model.RequestID(requestID),
			})
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(&aionv1.SignalWorkflowResponse{RunId: string(id)})
			}
			s.say("signal %s recorded for workflow %s, run %s", args[1], args[0], id)
			return nil
		},
	}
	bindInput(cmd, &in)
	bindRun(cmd, &run)
	cmd.Flags().StringVar(&requestID, "request-id", "", "a repeated signal with the same request ID is recorded once")
	return cmd
}
