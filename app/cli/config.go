package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/app/config"
)

func (s *shell) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Show a server's configuration and its reference", Args: cobra.NoArgs, RunE: help}
	var o settings
	show := &cobra.Command{
		Use: "print", Short: "Print the values in use and where each came from; secrets are masked", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			in, err := o.input(s.Env, nil)
			if err != nil {
				return err
			}
			// What cannot work together is printed too: somebody looks for why.
			e, err := config.Read(in)
			if err != nil {
				return err
			}
			if s.asJSON() {
				for _, entry := range e.Entries {
					if err := s.value(map[string]string{"key": entry.Key, "value": entry.Value, "source": entry.Source}); err != nil {
						return err
					}
				}
				return e.Config.Validate()
			}
			fmt.Fprint(s.Out, e.Print())
			return e.Config.Validate()
		},
	}
	o.bind(show)
	reference := &cobra.Command{
		Use: "reference", Short: "Print the reference of all keys, in Markdown", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(s.Out, config.Reference())
			return err
		},
	}
	cmd.AddCommand(show, reference)
	return cmd
}
