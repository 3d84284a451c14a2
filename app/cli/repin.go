package cli

import (
	"github.com/spf13/cobra"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) repinCommand() *cobra.Command {
	var run, hash string
	cmd := &cobra.Command{
		Use: "repin WORKFLOW --package HASH", Short: "Move an open run to another package that replays it cleanly", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
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
	cmd.Flags().StringVar(&hash, "package", "", "hash of the package, or its beginning (at least 7 digits)")
	// The only error is a flag that does not exist.
	_ = cmd.MarkFlagRequired("package")
	return cmd
}
