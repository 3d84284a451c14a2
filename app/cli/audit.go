package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/ports"
)

func (s *shell) auditCommand() *cobra.Command {
	audit := &cobra.Command{Use: "audit", Short: "See who changed what, and who was refused", Args: cobra.NoArgs, RunE: help}
	var q ports.AuditQuery
	list := &cobra.Command{
		Use: "list", Short: "List audit records, newest first", Args: cobra.NoArgs,
		Long: `List audit records, newest first: those of one namespace with --namespace, otherwise those of all, with what belongs to no namespace.
The server records them as audit.mode says.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.Limit < 1 {
				return usageError{fmt.Errorf("--limit %d: must be at least 1", q.Limit)}
			}
			q.Namespace = s.ns()
			server, err := s.dial()
			if err != nil {
				return err
			}
			all, err := server.Audit(cmd.Context(), q)
			if err != nil {
				return server.failed(err)
			}
			rows := [][]string{{"TIME", "SUBJECT", "PEER", "ACTION", "NAMESPACE", "OBJECT", "OUTCOME"}}
			for _, r := range all {
				if s.asJSON() {
					if err := s.message(wire.EncodeAuditRecord(r)); err != nil {
						return err
					}
					continue
				}
				outcome := r.Outcome
				if r.Repeated > 0 {
					outcome += fmt.Sprintf(" (and %d more)", r.Repeated)
				}
				rows = append(rows, []string{instant(r.Time), r.Subject, r.Peer, r.Action, string(r.Namespace), r.Object, outcome})
			}
			if s.asJSON() {
				return nil
			}
			if len(all) == 0 {
				s.say("no audit records; audit.mode says what is recorded")
				return nil
			}
			return s.table(rows)
		},
	}
	list.Flags().StringVar(&q.Subject, "subject", "", "only what this subject did")
	list.Flags().BoolVar(&q.Denied, "denied", false, "only what was refused")
	list.Flags().IntVar(&q.Limit, "limit", 100, "how many at most")
	audit.AddCommand(list)
	return audit
}
