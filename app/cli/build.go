package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/app/build"
	"github.com/aionrun/aion/domain/fault"
)

func (s *shell) buildCommand() *cobra.Command {
	var out string
	var strict, asJSON bool
	cmd := &cobra.Command{
		Use: "build [DIR]", Short: "Build the workflow package of a folder", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			res, err := build.Package(cmd.Context(), dir, build.Options{Strict: strict, Env: s.goEnv()})
			if err != nil {
				return err
			}
			if out == "" {
				out = res.Name + ".aion"
			}
			if err := os.WriteFile(out, res.Archive, 0o644); err != nil {
				return fault.Wrap(fault.InvalidInput, err, "the package is built, but it cannot be written").Hinted("name another file with -o")
			}
			if asJSON {
				return s.value(map[string]any{
					"name": res.Name, "package": res.Hash, "file": out, "bytes": len(res.Module), "compressed_bytes": res.CompressedBytes,
					"workflows": res.Manifest.Workflows, "activities": res.Manifest.Activities, "sdk": res.Manifest.SDK, "go_version": res.GoVersion,
					"largest": res.Largest, "warnings": res.Warnings,
				})
			}
			s.reportBuild(res, true)
			_, err = fmt.Fprintln(s.Out, out)
			return err
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write (default NAME.aion)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was built as JSON")
	bindStrict(cmd, &strict)
	return cmd
}

func bindStrict(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "strict", false, "refuse what is only warned of otherwise")
}

// goEnv is the environment of the go command.
func (s *shell) goEnv() []string { return s.Env }

// reportBuild tells people what was built.
func (s *shell) reportBuild(res build.Result, full bool) {
	for _, w := range res.Warnings {
		s.say("warning: %s", w)
	}
	var types []string
	for _, w := range res.Manifest.Workflows {
		types = append(types, string(w.Type))
	}
	s.say("package %s %s  %s, %s compressed  workflows: %s", res.Name, short(res.Hash), bytesText(int64(len(res.Module))), bytesText(res.CompressedBytes), words(types))
	if !full {
		return
	}
	s.say("largest dependencies:")
	for _, d := range res.Largest {
		s.say("  %9s  %s", bytesText(d.CodeBytes), d.Path)
	}
}
