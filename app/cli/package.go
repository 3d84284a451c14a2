package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func (s *shell) packageCommand() *cobra.Command {
	pkg := &cobra.Command{Use: "package", Short: "Look at deployed packages, and route workflow types to them", Args: cobra.NoArgs, RunE: help}
	pkg.AddCommand(s.packageList(), s.packageShow(), s.packageRoute(), s.packageRollback(), s.packageVerify(), s.packageUnload())
	return pkg
}

func (s *shell) packageList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List packages, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			all, err := server.Packages(cmd.Context())
			if err != nil {
				return server.failed(err)
			}
			rows := [][]string{{"PACKAGE", "NAME", "ROUTED TYPES", "RUNS", "UNLOAD", "SIZE", "DEPLOYED"}}
			for _, p := range all {
				if s.asJSON() {
					if err := s.message(wire.EncodePackage(p)); err != nil {
						return err
					}
					continue
				}
				rows = append(rows, []string{short(p.Hash), p.Name, words(p.RoutedTypes), fmt.Sprint(p.Pins), unloadText(p), bytesText(p.CodeBytes), instant(p.DeployedAt)})
			}
			if s.asJSON() {
				return nil
			}
			if len(all) == 0 {
				s.say("no package is deployed; aion deploy DIR builds and deploys one")
				return nil
			}
			return s.table(rows)
		},
	}
}

func (s *shell) packageShow() *cobra.Command {
	return &cobra.Command{
		Use: "show HASH", Short: "Show a package; the beginning of its hash is enough", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			p, err := server.Package(cmd.Context(), args[0])
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(wire.EncodePackage(p))
			}
			return s.table([][]string{
				{"package", string(p.Hash)}, {"name", p.Name}, {"workflows", words(p.WorkflowTypes)}, {"routed", words(p.RoutedTypes)},
				{"activities", words(p.ActivityTypes)}, {"runs", fmt.Sprint(p.Pins)}, {"unload", unloadText(p)}, {"size", bytesText(p.CodeBytes)},
				{"built with", strings.TrimSpace(p.GoVersion + ", SDK " + p.SDK)}, {"deployed", instant(p.DeployedAt)},
			})
		},
	}
}

func (s *shell) packageRoute() *cobra.Command {
	return &cobra.Command{
		Use: "route TYPE HASH", Short: "Send new runs of a workflow type to a package, and try its Blocked runs with it", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			res, err := server.SetRoute(cmd.Context(), model.WorkflowType(args[0]), args[1])
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(wire.EncodeSetRouteResult(res))
			}
			s.say("%s", routeText(res.Route))
			if res.Tried > 0 {
				s.say("%d of %s unblocked", res.Unblocked, plural(res.Tried, "Blocked run"))
			}
			return nil
		},
	}
}

func routeText(r ports.RouteChange) string {
	switch r.Previous {
	case "":
		return fmt.Sprintf("%s → %s", r.Type, short(r.Package))
	case r.Package:
		return fmt.Sprintf("%s → %s (as before)", r.Type, short(r.Package))
	}
	return fmt.Sprintf("%s → %s (was %s)", r.Type, short(r.Package), short(r.Previous))
}

// unloadText says whether a package is safe to unload, and why not.
func unloadText(p ports.PackageInfo) string {
	switch {
	case len(p.RoutedTypes) > 0:
		return "no: new runs use it"
	case p.Pins > 0:
		return "no: runs use it"
	case len(p.PreviousTypes) > 0:
		return "safe, but a rollback of " + words(p.PreviousTypes) + " needs it"
	}
	return "safe"
}

func (s *shell) packageUnload() *cobra.Command {
	return &cobra.Command{
		Use: "unload HASH", Short: "Remove a package that no route and no run uses", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			if err := server.Unload(cmd.Context(), args[0]); err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(&aionv1.UnloadPackageResponse{})
			}
			s.say("package %s unloaded", args[0])
			return nil
		},
	}
}
