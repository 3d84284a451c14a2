package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/storage/sqlstore"
	"github.com/aionrun/aion/app"
)

func (s *shell) migrateCommand() *cobra.Command {
	var o settings
	var dry bool
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the store's database schema to this version; a server does the same when it starts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := o.load(s.Env, nil)
			if err != nil {
				return err
			}
			store := e.Config.Store
			before, has, err := app.Migrations(cmd.Context(), store)
			if err != nil {
				return err
			}
			if !has {
				return s.reportMigration(store.Backend, before, "the store "+store.Backend+" has no schema")
			}
			if len(before.Pending) == 0 {
				return s.reportMigration(store.Backend, before, fmt.Sprintf("%s has schema %d: nothing to do", store.URL, before.Current))
			}
			s.say("%s has schema %d, this version wants %d:", store.URL, before.Current, before.Wanted)
			for i, name := range before.Pending {
				s.say("  %d  %s", before.Current+i+1, name)
			}
			if dry {
				return s.reportMigration(store.Backend, before, "nothing was changed (--dry-run)")
			}
			after, _, err := app.Migrate(cmd.Context(), store)
			if err != nil {
				return err
			}
			return s.reportMigration(store.Backend, after, fmt.Sprintf("applied: %s has schema %d", store.URL, after.Current))
		},
	}
	o.bind(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "show what is pending and change nothing")
	return cmd
}

func (s *shell) reportMigration(backend string, st sqlstore.MigrationStatus, text string) error {
	if s.asJSON() {
		pending := st.Pending
		if pending == nil {
			pending = []string{}
		}
		return s.value(map[string]any{"store": backend, "schema": st.Current, "wanted": st.Wanted, "pending": pending})
	}
	_, err := fmt.Fprintln(s.Out, text)
	return err
}
