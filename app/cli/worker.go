package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
)

func (s *shell) workerCommand() *cobra.Command {
	worker := &cobra.Command{Use: "worker", Short: "Look at connected workers", Args: cobra.NoArgs, RunE: help}
	worker.AddCommand(&cobra.Command{
		Use: "list", Short: "List connected workers", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			all, err := server.Workers(cmd.Context(), s.ns())
			if err != nil {
				return server.failed(err)
			}
			rows := [][]string{{"WORKER", "IDENTITY", "QUEUES", "SLOTS", "CONNECTED", "ACTIVITIES"}}
			for _, w := range all {
				if s.asJSON() {
					if err := s.message(wire.EncodeWorker(w)); err != nil {
						return err
					}
					continue
				}
				slots := fmt.Sprintf("%d of %d used", w.SlotsUsed, w.Slots)
				if w.Draining {
					slots += ", draining"
				}
				rows = append(rows, []string{w.ID, w.Registered.Identity, words(w.Registered.Queues), slots, instant(w.ConnectedAt), words(w.Registered.ActivityTypes)})
			}
			if s.asJSON() {
				return nil
			}
			if len(all) == 0 {
				s.say("no worker is connected; it finds the server by AION_ADDRESS=%s", strings.TrimPrefix(server.url, "http://"))
				return nil
			}
			return s.table(rows)
		},
	})
	return worker
}

func words[T ~string](in []T) string {
	out := make([]string, len(in))
	for i, w := range in {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}

func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }
