package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/app"
	"github.com/aionrun/aion/app/historyfile"
	"github.com/aionrun/aion/domain/archive"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
)

func (s *shell) replayCommand() *cobra.Command {
	var strict, step bool
	cmd := &cobra.Command{
		Use: "replay DIR|FILE HISTORY...", Short: "Check that a package makes the decisions of recorded histories again", Args: cobra.MinimumNArgs(2),
		Long: `Run a package's code through exported histories and compare every decision with the recorded one, without a server.
A history is a file made by aion history WORKFLOW --export FILE; - reads one from standard input.`,
		Example: `  aion history order-7 --export order-7.jsonl
  aion replay ./orders order-7.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := s.archive(cmd.Context(), args[0], strict)
			if err != nil {
				return err
			}
			a, err := archive.Read(b, archive.Limits{})
			if err != nil {
				return fault.Wrap(fault.ReasonOf(err), err, "%s", args[0])
			}
			r, err := app.NewReplayer(cmd.Context(), a)
			if err != nil {
				return fault.Wrap(fault.ReasonOf(err), err, "%s", args[0])
			}
			clean := true
			for _, name := range args[1:] {
				ok, err := s.replay(cmd.Context(), r, name, step)
				if err != nil {
					return errors.Join(err, r.Close())
				}
				clean = clean && ok
			}
			return errors.Join(failedUnless(clean), r.Close())
		},
	}
	bindStrict(cmd, &strict)
	cmd.Flags().BoolVar(&step, "step", false, "show each activation: what the code was given and what it did; on a terminal, wait for the Enter key after each")
	return cmd
}

// verdict is the result of one replay for machines.
type verdict struct {
	History     string `json:"history"`
	Package     string `json:"package"`
	Type        string `json:"workflow_type"`
	Run         string `json:"run_id"`
	Events      int    `json:"events"`
	Activations int    `json:"activations"`
	Clean       bool   `json:"clean"`
	Seq         uint32 `json:"seq,omitempty"`
	Expected    string `json:"expected,omitempty"`
	Found       string `json:"found,omitempty"`
	Problem     string `json:"problem,omitempty"`
}

// replay checks one history. An error is one of the history or the package, not a difference between them.
func (s *shell) replay(ctx context.Context, replayer *app.Replayer, name string, step bool) (clean bool, err error) {
	page, err := s.readHistory(name)
	if err != nil {
		return false, err
	}
	var show func(app.Boundary) error
	if step {
		show = s.showBoundary
	}
	r, err := replayer.Replay(ctx, page, show)
	v := verdict{
		History: name, Package: string(r.Package), Type: string(r.Type), Run: string(r.Run), Events: r.Events, Activations: r.Activations, Clean: err == nil,
	}
	var difference *history.Mismatch
	var f *fault.Error
	switch {
	case errors.As(err, &difference):
		v.Seq, v.Expected, v.Found = uint32(difference.Seq), difference.Expected, difference.Found
	case errors.As(err, &f):
		return false, fault.Wrap(f.Reason, err, "%s", name)
	case err != nil: // a trap or a refusal: what the code did
		v.Problem = err.Error()
	}
	if s.asJSON() {
		return v.Clean, s.value(v)
	}
	switch {
	case v.Clean:
		_, err = fmt.Fprintf(s.Out, "%s replays cleanly: %s, %s\n", name, plural(v.Events, "event"), plural(v.Activations, "activation"))
		return true, err
	case v.Problem != "":
		_, err = fmt.Fprintf(s.Out, "%s does not replay: behind event %d the code ended with %s\n", name, v.Events, v.Problem)
	default:
		_, err = fmt.Fprintf(s.Out, "%s does not replay: it differs at event %d\n  the history has  %s\n  the code did     %s\n", name, v.Seq, v.Expected, v.Found)
	}
	return false, err
}

// readHistory reads an exported history and gives its events as a page in the stored encoding.
func (s *shell) readHistory(name string) ([]byte, error) {
	if name == "-" {
		return historyfile.Read(s.In, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.Wrap(fault.NotFound, err, "replay").Hinted("make one with: aion history WORKFLOW --export %s", name)
	}
	defer f.Close()
	return historyfile.Read(f, name)
}
