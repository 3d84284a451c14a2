package app

import (
	"context"
	"os"

	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// loadPackages deploys runtime.packages, which win their routes at every start.
func (s *Server) loadPackages(ctx context.Context) error {
	for _, name := range s.cfg.Runtime.Packages {
		b, err := os.ReadFile(name)
		if err != nil {
			return config.Fault("runtime.packages", "%v", err)
		}
		res, err := s.engine.Deploy(ctx, ports.DeployRequest{Archive: b})
		if err != nil {
			f := config.Fault("runtime.packages", "%s", name)
			f.Err, f.Reason = err, fault.ReasonOf(err)
			return f
		}
		s.log.Info("package loaded", "file", name, "package", res.Package.Hash, "workflow_types", res.Package.WorkflowTypes)
	}
	return nil
}
