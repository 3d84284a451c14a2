package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
)

func (s *shell) queueCommand() *cobra.Command {
	queue := &cobra.Command{Use: "queue", Short: "Look at task queues", Args: cobra.NoArgs, RunE: help}
	queue.AddCommand(&cobra.Command{
		Use: "list", Short: "List task queues that have workers or tasks", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.listQueues(cmd.Context()) },
	})
	return queue
}

func (s *shell) listQueues(ctx context.Context) error {
	server, err := s.dial()
	if err != nil {
		return err
	}
	all, err := server.TaskQueues(ctx, s.ns())
	if err != nil {
		return server.failed(err)
	}
	if s.asJSON() {
		m, err := wire.EncodeQueues(&aionv1.ListTaskQueuesRequest{Namespace: string(s.ns())}, all, len(all)+1, time.Now())
		if err != nil {
			return err
		}
		for _, q := range m.GetTaskQueues() {
			if err := s.message(q); err != nil {
				return err
			}
		}
		return nil
	}
	if len(all) == 0 {
		s.say("no task queue has workers or tasks")
		return nil
	}
	rows := [][]string{{"QUEUE", "NAMESPACE", "WORKERS", "SLOTS", "WAITING", "OLDEST"}}
	for _, q := range all {
		waiting, oldest := fmt.Sprint(q.Buffered), "-"
		if q.Backlog {
			waiting = "more than " + waiting
		}
		if !q.Oldest.IsZero() {
			oldest = max(time.Since(q.Oldest), 0).Round(time.Millisecond).String()
		}
		rows = append(rows, []string{string(q.Name), string(q.Namespace), fmt.Sprint(q.Workers), fmt.Sprintf("%d of %d used", q.SlotsUsed, q.Slots), waiting, oldest})
	}
	return s.table(rows)
}
