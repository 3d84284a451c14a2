package engine

import (
	"context"

	"github.com/aionrun/aion/domain/archive"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// Deploy checks, stores and routes an archive.
func (e *Engine) Deploy(ctx context.Context, r ports.DeployRequest) (ports.DeployResult, error) {
	p := e.packages
	if err := e.accepting(); err != nil {
		return ports.DeployResult{}, err
	}
	if p.opt.DeployDisabled {
		return ports.DeployResult{}, fault.New(fault.PermissionDenied, "deploying is switched off on this server").Hinted("set deploy.enabled=true, or list the archive in runtime.packages")
	}
	a, err := archive.Read(r.Archive, archive.Limits{ArchiveBytes: p.opt.MaxArchive, InflatedBytes: p.opt.MaxInflated})
	if err != nil {
		return ports.DeployResult{}, err
	}
	_, err = e.store.Package(ctx, a.Hash)
	created := fault.Has(err, fault.NotFound)
	if err != nil && !created {
		return ports.DeployResult{}, err
	}
	prog, err := e.opt.Runtime.Load(ctx, a.Hash, a.Code)
	if err != nil {
		return ports.DeployResult{}, err
	}
	info := prog.Info()
	if len(info.Workflows) == 0 {
		return ports.DeployResult{}, fault.Invalidf("package %s declares no workflow", a.Hash)
	}
	res := ports.DeployResult{Created: created}
	if r.Verify != nil && !r.KeepRoutes {
		v, err := e.verify(ctx, prog, *r.Verify)
		if err != nil {
			return ports.DeployResult{}, err
		}
		if err := refusal(v); err != nil && !r.Force {
			return ports.DeployResult{}, err
		}
		res.Verified = &v
	}
	rec := ports.Package{Hash: a.Hash, Name: a.Manifest.Name, Manifest: a.ManifestJSON, Code: a.Code, CodeBytes: int64(len(a.Code)), DeployedAt: e.opt.Clock.Now()}
	if created {
		if err := e.store.PutPackage(ctx, rec); err != nil {
			return ports.DeployResult{}, err
		}
	}
	p.mu.Lock()
	p.programs[a.Hash] = prog
	p.mu.Unlock()
	for _, w := range info.Workflows {
		if r.KeepRoutes {
			break
		}
		r, err := e.SetRoute(ctx, w.Type, string(a.Hash))
		if err != nil {
			return ports.DeployResult{}, err
		}
		res.Routes = append(res.Routes, r.Route)
	}
	if created {
		e.background(func() { e.unblockMissing(a.Hash) })
	}
	res.Package, err = e.Package(ctx, string(a.Hash))
	return res, err
}

// Packages lists packages, newest first.
func (e *Engine) Packages(ctx context.Context) ([]ports.PackageInfo, error) {
	rows, err := e.store.Packages(ctx)
	if err != nil {
		return nil, err
	}
	routes, err := e.store.Routes(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]ports.PackageInfo, 0, len(rows))
	for _, r := range rows {
		p := ports.PackageInfo{Hash: r.Hash, Name: r.Name, CodeBytes: r.CodeBytes, DeployedAt: r.DeployedAt, Pins: r.Pins}
		if m, err := archive.ReadManifest(r.Manifest); err == nil {
			p.SDK, p.GoVersion = m.SDK, m.GoVersion
			for _, w := range m.Workflows {
				p.WorkflowTypes = append(p.WorkflowTypes, w.Type)
			}
			p.ActivityTypes = m.Activities
		}
		for _, x := range routes {
			if x.Package == r.Hash {
				p.RoutedTypes = append(p.RoutedTypes, x.Type)
			}
			if x.Previous == r.Hash {
				p.PreviousTypes = append(p.PreviousTypes, x.Type)
			}
		}
		out = append(out, p)
	}
	return out, nil
}
