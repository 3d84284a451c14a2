package cli

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/app/build"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

func (s *shell) deployCommand() *cobra.Command {
	var keep, strict, force bool
	var look ports.VerifyOptions
	cmd := &cobra.Command{
		Use: "deploy DIR|FILE", Short: "Build a workflow package (or take a built one), upload it and route its types to it", Args: cobra.ExactArgs(1),
		Long: `Build a workflow package, or take a built one, upload it and route its workflow types to it. Before a route changes, the server replays
runs of the package that is routed now with the new one, and changes nothing when one of them does not replay.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			server, err := s.dial()
			if err != nil {
				return err
			}
			archive, err := s.archive(cmd.Context(), args[0], strict)
			if err != nil {
				return err
			}
			res, err := server.Deploy(cmd.Context(), ports.DeployRequest{Archive: archive, KeepRoutes: keep, Verify: &look, Force: force})
			if fault.Has(err, fault.Blocked) {
				// Which runs, and why.
				if v, verr := server.Verify(cmd.Context(), ports.VerifyRequest{Archive: archive, Options: look}); verr == nil {
					s.reportVerification(v, s.Err)
				}
			}
			if err != nil {
				return server.failed(err)
			}
			if s.asJSON() {
				return s.message(wire.EncodeDeployResult(res))
			}
			s.reportDeploy(res)
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "route it also when runs do not replay with it")
	bindVerify(cmd, &look)
	cmd.Flags().BoolVar(&keep, "keep-routes", false, "upload only: new runs keep using the packages that they use now")
	bindStrict(cmd, &strict)
	return cmd
}

// archive reads a package file, or builds the package of a folder.
func (s *shell) archive(ctx context.Context, name string, strict bool) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fault.Wrap(fault.NotFound, err, "deploy").Hinted("name the folder of a Go package with workflows, or a file that aion build made")
	}
	if !info.IsDir() {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fault.Wrap(fault.InvalidInput, err, "deploy")
		}
		return b, nil
	}
	res, err := build.Package(ctx, name, build.Options{Strict: strict, Env: s.goEnv()})
	if err != nil {
		return nil, err
	}
	s.reportBuild(res, false)
	return res.Archive, nil
}

func (s *shell) reportDeploy(res ports.DeployResult) {
	what := "deployed"
	if !res.Created {
		what = "was there already"
	}
	s.say("package %s %s %s", res.Package.Name, short(res.Package.Hash), what)
	if res.Verified != nil {
		s.reportVerification(*res.Verified, s.Err)
	}
	for _, r := range res.Routes {
		s.say("  %s", routeText(r))
	}
}
