package cli

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) forkCommand() *cobra.Command {
	var run, id, hash, reason string
	var at uint32
	var signals bool
	cmd := &cobra.Command{
		Use: "fork WORKFLOW", Short: "Make a new run of the beginning of another one, also with other code", Args: cobra.ExactArgs(1),
		Long: `Make a new run of the beginning of another one, open or closed, up to one of its activations (the events Activated of aion history). The other
one stays as it is. Activities that were pending there are done again: their side effects may repeat. Timers keep their due times.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			res, err := server.Fork(cmd.Context(), ports.ForkRequest{Ref: s.ref(args[0], run), At: model.Seq(at), NewID: model.WorkflowID(id), Package: model.PackageHash(hash),
				ReapplySignals: signals, Reason: reason, RequestID: model.RequestID(uuid.NewString())})
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(wire.EncodeForkResult(res))
			}
			s.say("forked workflow %s at event %d  run %s  package %s", args[0], res.At, res.Run, short(res.Package))
			_, err = fmt.Fprintln(s.Out, res.WorkflowID)
			return err
		},
	}
	bindRun(cmd, &run)
	f := cmd.Flags()
	f.Uint32Var(&at, "at", 0, "the event Activated of the last activation to copy; 0 = the last one after which the run was open")
	f.StringVar(&id, "id", "", "workflow ID of the new run (default: one that nobody has)")
	f.StringVar(&hash, "package", "", "package of the new run, by the beginning of its hash (default: that of the run)")
	f.BoolVar(&signals, "reapply-signals", false, "give the new run the signals that the run got later")
	f.StringVar(&reason, "reason", "", "why; kept in the history")
	return cmd
}
