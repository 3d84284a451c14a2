package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// What is looked at unless somebody says otherwise.
const (
	verifyOpen   = 100
	verifyClosed = 20
)

func bindVerify(cmd *cobra.Command, o *ports.VerifyOptions) {
	cmd.Flags().IntVar(&o.Open, "open", verifyOpen, "how many open runs of each workflow type to replay, newest first")
	cmd.Flags().IntVar(&o.Closed, "closed", verifyClosed, "how many closed runs of each workflow type to replay, those that started last")
	cmd.Flags().BoolVar(&o.AllOpen, "all-open", false, "replay all open runs")
}

func (s *shell) packageVerify() *cobra.Command {
	var o ports.VerifyOptions
	var strict bool
	cmd := &cobra.Command{
		Use: "verify DIR|FILE|HASH", Short: "Replay runs of the routed packages with another package, and tell which would be blocked", Args: cobra.ExactArgs(1),
		Long: `Replay open and recently closed runs of the packages that are routed now with another package: one that is built from a folder, in a file, or on
the server. Nothing is stored and nothing is changed. The exit code is 1 when a run does not replay.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			r := ports.VerifyRequest{Hash: args[0], Options: o}
			if _, err := os.Stat(args[0]); err == nil {
				if r.Archive, err = s.archive(cmd.Context(), args[0], strict); err != nil {
					return err
				}
			}
			v, err := server.Verify(cmd.Context(), r)
			if err != nil {
				return server.failed(err)
			}
			different, _ := v.Different()
			if s.asJSON() {
				if err := s.message(&aionv1.VerifyPackageResponse{Verification: wire.EncodeVerification(v)}); err != nil {
					return err
				}
			} else {
				s.reportVerification(v, s.Out)
			}
			return failedUnless(different == 0)
		},
	}
	bindVerify(cmd, &o)
	bindStrict(cmd, &strict)
	return cmd
}

// reportVerification tells what was looked at, and each difference.
func (s *shell) reportVerification(v ports.Verification, to io.Writer) {
	for _, t := range v.Types {
		if t.Routed == "" || t.Routed == v.Package {
			continue
		}
		runs, more := t.Open+t.Closed, ""
		if t.More {
			more = " (there are more: --all-open looks at all)"
		}
		fmt.Fprintf(to, "  %s: %d of %s of %s replay: %d open%s, %d closed\n", t.Type, runs-t.Different, plural(runs, "run"), short(t.Routed), t.Open, more, t.Closed)
	}
	for _, d := range v.Differences {
		state := "closed"
		if d.Open {
			state = "open"
		}
		fmt.Fprintf(to, "  %s workflow %s, run %s, in namespace %s does not replay", state, d.Key.WorkflowID, d.Run, d.Key.Namespace)
		if d.AtSeq == 0 {
			fmt.Fprintf(to, ": %s\n", d.Problem)
			continue
		}
		fmt.Fprintf(to, " from event %d on\n    the history has  %s\n    the code did     %s\n", d.AtSeq, d.Expected, d.Found)
	}
	if n, _ := v.Different(); n > len(v.Differences) {
		fmt.Fprintf(to, "  and %d more\n", n-len(v.Differences))
	}
}

func (s *shell) packageRollback() *cobra.Command {
	return &cobra.Command{
		Use: "rollback TYPE...", Short: "Send new runs of workflow types to the packages that they were sent to before", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			for _, t := range args {
				res, err := server.Rollback(cmd.Context(), model.WorkflowType(t))
				if err != nil {
					return server.failed(err)
				}
				if s.asJSON() {
					if err := s.message(wire.EncodeRollback(res)); err != nil {
						return err
					}
					continue
				}
				s.say("%s", routeText(res.Route))
				if res.Tried > 0 {
					s.say("%d of %s unblocked", res.Unblocked, plural(res.Tried, "Blocked run"))
				}
			}
			return nil
		},
	}
}
