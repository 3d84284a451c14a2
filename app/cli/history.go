package cli

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/app/jsonform"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) historyCommand() *cobra.Command {
	var run string
	var from uint32
	cmd := &cobra.Command{
		Use: "history WORKFLOW", Short: "Print a run's events; with -o json one to a line, as aion replay reads them", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			if !s.asJSON() {
				fmt.Fprintf(s.Out, "%5s  %-23s  %s\n", "SEQ", "TIME", "EVENT")
			}
			return server.failed(events(cmd.Context(), server, s.ref(args[0], run), model.Seq(from), s.event))
		},
	}
	bindRun(cmd, &run)
	cmd.Flags().Uint32Var(&from, "from", 1, "the first event to print")
	return cmd
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
	e := &aionv1.HistoryEvent{}
	if err := proto.Unmarshal(raw, e); err != nil {
		return fault.Wrap(fault.Internal, err, "an event cannot be read")
	}
	if s.asJSON() {
		line, err := eventLine(e, raw)
		if err == nil {
			_, err = fmt.Fprintf(s.Out, "%s\n", line)
		}
		return err
	}
	kind, details := "an event of a newer version", ""
	if set := e.ProtoReflect().WhichOneof(attributesOf(e)); set != nil {
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

func attributesOf(e *aionv1.HistoryEvent) protoreflect.OneofDescriptor {
	return e.ProtoReflect().Descriptor().Oneofs().ByName("attributes")
}

// rawEvent is an event of a kind that this version does not know: its seq and time, and all of it as it is stored.
type rawEvent struct {
	Seq  uint32 `json:"seq"`
	Time string `json:"time"`
	Raw  string `json:"raw"`
}

// eventLine is an event as a line of an exported history, from which readEvent gets it back whole.
func eventLine(e *aionv1.HistoryEvent, raw []byte) ([]byte, error) {
	if e.ProtoReflect().WhichOneof(attributesOf(e)) != nil && len(e.ProtoReflect().GetUnknown()) == 0 {
		return jsonform.Marshal(e)
	}
	return jsonLine(rawEvent{e.GetSeq(), e.GetTime().AsTime().Format(time.RFC3339Nano), base64.StdEncoding.EncodeToString(raw)})
}
