package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) queryCommand() *cobra.Command {
	var in, run string
	cmd := &cobra.Command{
		Use: "query WORKFLOW NAME", Short: "Ask a workflow a question; it changes nothing", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := s.input(in)
			if err != nil {
				return err
			}
			server, err := s.dial()
			if err != nil {
				return err
			}
			res, err := server.Query(cmd.Context(), ports.QueryRequest{Ref: s.ref(args[0], run), Name: model.QueryName(args[1]), Input: value})
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(wire.EncodeQueryResult(res))
			}
			text, err := payload(res.Output)
			if err == nil {
				_, err = fmt.Fprintln(s.Out, text)
			}
			return err
		},
	}
	bindInput(cmd, &in)
	bindRun(cmd, &run)
	return cmd
}
