package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/app/historyfile"
	"github.com/aionrun/aion/app/jsonform"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) historyCommand() *cobra.Command {
	var run, export string
	var from uint32
	cmd := &cobra.Command{
		Use: "history WORKFLOW", Short: "Print a run's events, or export them to a file that aion replay and unit tests read", Args: cobra.ExactArgs(1),
		Example: `  aion history order-7
  aion history order-7 --export testdata/order-7.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			if export != "" {
				if from != 1 {
					return usageError{errors.New("--export writes a whole history: leave out --from")}
				}
				return server.failed(s.export(cmd.Context(), server, s.ref(args[0], run), export))
			}
			if !s.asJSON() {
				fmt.Fprintf(s.Out, "%5s  %-23s  %s\n", "SEQ", "TIME", "EVENT")
			}
			return server.failed(events(cmd.Context(), server, s.ref(args[0], run), model.Seq(from), s.event))
		},
	}
	bindRun(cmd, &run)
	cmd.Flags().Uint32Var(&from, "from", 1, "the first event to print")
	cmd.Flags().StringVar(&export, "export", "", "write the whole history to this file, an event in JSON to a line; - means standard output")
	return cmd
}

// export writes a run's history to a file. A file that could not be written whole is removed: half a history replays like a shorter one.
func (s *shell) export(ctx context.Context, w ports.Workflows, ref ports.WorkflowRef, name string) (err error) {
	out, n := s.Out, 0
	if name != "-" {
		f, cannot := os.Create(name)
		if cannot != nil {
			return fault.Wrap(fault.InvalidInput, cannot, "the history cannot be exported")
		}
		defer func() {
			if err = errors.Join(err, f.Close()); err != nil {
				_ = os.Remove(name)
			}
		}()
		out = f
	}
	buffered := bufio.NewWriter(out)
	err = events(ctx, w, ref, 1, func(raw []byte) error {
		line, err := historyfile.Line(raw)
		if err != nil {
			return err
		}
		n++
		_, err = buffered.Write(append(line, '\n'))
		return err
	})
	if err = errors.Join(err, buffered.Flush()); err == nil && name != "-" {
		s.say("%s written to %s", plural(n, "event"), name)
	}
	return err
}

// events reads a run's events, in the stored encoding, page by page.
func events(ctx context.Context, w ports.Workflows, ref ports.WorkflowRef, from model.Seq, each func(raw []byte) error) error {
	for {
		page, err := w.History(ctx, ports.HistoryRequest{Ref: ref, From: from})
		if err != nil {
			return err
		}
		for rest := page.Bytes; len(rest) > 0; {
			var raw []byte
			if raw, _, rest, err = history.Split(rest); err != nil {
				return err
			}
			if err := each(raw); err != nil {
				return err
			}
		}
		if page.Next == 0 {
			return nil
		}
		from, ref.Run = page.Next, page.Run // the chain may have gone on to another run meanwhile
	}
}

// event prints one event.
func (s *shell) event(raw []byte) error {
	if s.asJSON() {
		line, err := historyfile.Line(raw)
		if err == nil {
			_, err = fmt.Fprintf(s.Out, "%s\n", line)
		}
		return err
	}
	e := &aionv1.HistoryEvent{}
	if err := proto.Unmarshal(raw, e); err != nil {
		return fault.Wrap(fault.Internal, err, "an event cannot be read")
	}
	kind, details := "an event of a newer version", ""
	if set := historyfile.Attributes(e); set != nil {
		kind = string(set.Message().Name())
		text, err := jsonform.Marshal(e.ProtoReflect().Get(set).Message().Interface())
		if err != nil {
			return err
		}
		if details = string(text); details == "{}" {
			details = ""
		}
	}
	const width = 160
	if r := []rune(details); len(r) > width {
		details = string(r[:width]) + "…"
	}
	_, err := fmt.Fprintf(s.Out, "%5d  %-23s  %-24s %s\n", e.GetSeq(), e.GetTime().AsTime().Local().Format("2006-01-02 15:04:05.000"), kind, details)
	return err
}
