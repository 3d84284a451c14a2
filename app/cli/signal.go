package cli

import (
	"errors"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) signalCommand() *cobra.Command {
	var in, run, requestID string
	var with startFlags
	cmd := &cobra.Command{
		Use: "signal WORKFLOW NAME", Short: "Send a signal to a workflow; it is recorded when the command returns", Args: cobra.ExactArgs(2),
		Example: `  aion signal order-7 approve --input '{"by":"Ada"}'
  aion signal cart-7 add --input '{"item":"tea"}' --with-start Cart`,
		RunE: func(cmd *cobra.Command, args []string) error {
			start, err := with.given(cmd)
			if err != nil {
				return err
			}
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
			if start {
				if run != "" {
					return usageError{errors.New("--run and --with-start: a run that is named is not started")}
				}
				r, err := with.request(s, args[0], requestID)
				if err != nil {
					return err
				}
				return s.signalWithStart(cmd.Context(), server, r, args[1], value)
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
	with.bind(cmd)
	cmd.Flags().StringVar(&requestID, "request-id", "", "a repeated signal with the same request ID is recorded once")
	return cmd
}
