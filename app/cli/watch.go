package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/app/jsonform"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// watchPause is how long watch waits before it looks for a server that went away.
const watchPause = time.Second

func (s *shell) watchCommand() *cobra.Command {
	var r ports.SubscribeRequest
	var run string
	var from uint32
	cmd := &cobra.Command{
		Use: "watch [WORKFLOW]", Short: "Show events as they are recorded: of one workflow until it closes, or of the namespace", Args: cobra.MaximumNArgs(1),
		Example: `  aion watch order-7
  aion watch --from-start -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			r.Namespace = s.ns()
			of := []string{"run", "from"}
			if len(args) > 0 {
				r.WorkflowID, r.Run, r.From = model.WorkflowID(args[0]), model.RunID(run), model.Seq(from)
				of = []string{"filter", "cursor", "from-start"}
			}
			for _, name := range of {
				if cmd.Flags().Changed(name) {
					return usageError{fmt.Errorf("--%s is for watching %s", name, map[bool]string{true: "a namespace: name no workflow", false: "one workflow: name it"}[len(args) > 0])}
				}
			}
			return server.failed(s.watch(cmd.Context(), server, r))
		},
	}
	bindRun(cmd, &run)
	cmd.Flags().Uint32Var(&from, "from", 1, "the first event of the run to show")
	cmd.Flags().StringVar(&r.Filter, "filter", "", "of the namespace, only runs that match, for example: workflow_type = 'order'")
	cmd.Flags().StringVar(&r.Cursor, "cursor", "", "of the namespace, the events after this cursor (-o json shows them)")
	cmd.Flags().BoolVar(&r.FromStart, "from-start", false, "of the namespace, from the oldest event that is kept; default: what happens from now on")
	return cmd
}

// watch follows until the workflow closes or the command is interrupted. It goes on where it was when the server comes back.
func (s *shell) watch(ctx context.Context, server *server, r ports.SubscribeRequest) error {
	away, heard := false, false
	for {
		err := server.Subscribe(ctx, r, func(f ports.EventFrame) error {
			if away {
				s.say("the server is back")
			}
			away, heard = false, true
			if f.Cursor != "" {
				r.Cursor = f.Cursor
			}
			if r.WorkflowID != "" && f.Kind == ports.FrameEvents {
				last, err := lastSeq(f.Events)
				if err != nil {
					return err
				}
				r.Run, r.From = f.Run, last+1
			}
			return s.frame(f, r.WorkflowID == "")
		})
		switch {
		case ctx.Err() != nil || err == nil:
			return nil
		case !heard || !fault.ReasonOf(err).Retryable():
			return err
		case !away:
			away = true
			s.say("the server is away (%v): waiting for it", err)
		}
		select {
		case <-time.After(watchPause):
		case <-ctx.Done():
			return nil
		}
	}
}

// frame prints what a subscription delivered.
func (s *shell) frame(f ports.EventFrame, named bool) error {
	if s.asJSON() {
		m, err := wire.EncodeEventFrame("", f)
		if err != nil {
			return err
		}
		line, err := jsonform.Marshal(m)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.Out, "%s\n", line)
		return err
	}
	for rest := f.Events; len(rest) > 0; {
		raw, _, after, err := history.Split(rest)
		if err != nil {
			return err
		}
		if rest = after; named {
			fmt.Fprintf(s.Out, "%-24s ", f.Key.WorkflowID)
		}
		if err := s.event(raw); err != nil {
			return err
		}
	}
	return nil
}

// lastSeq is the seq of the last event of a page, whatever kind it is of.
func lastSeq(page []byte) (model.Seq, error) {
	var last []byte
	for rest := page; len(rest) > 0; {
		var err error
		if last, _, rest, err = history.Split(rest); err != nil {
			return 0, err
		}
	}
	var e aionv1.HistoryEvent
	if err := proto.Unmarshal(last, &e); err != nil || e.GetSeq() == 0 {
		return 0, fault.Wrap(fault.Internal, err, "the server sent a frame without events")
	}
	return model.Seq(e.GetSeq()), nil
}
