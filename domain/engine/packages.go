package engine

import (
	"context"
	"encoding/hex"
	"sort"
	"strings"
	"sync"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// PackageOptions bound what may be deployed. Zero sizes take the defaults.
type PackageOptions struct {
	DeployDisabled bool
	MaxArchive     int64 // default 64 MiB
	MaxInflated    int64 // default 256 MiB
	// Native says that the runtime holds code of the process under model.NativePackage; it serves the types that no route names.
	Native bool
}

// packages knows the routes and the loaded programs. Packages compile on first use (rule D-9).
type packages struct {
	e   *Engine
	opt PackageOptions

	mu       sync.RWMutex
	routes   map[model.WorkflowType]model.PackageHash
	programs map[model.PackageHash]ports.Program
	native   map[model.WorkflowType]bool
}

func newPackages(e *Engine, opt PackageOptions) *packages {
	if opt.MaxArchive <= 0 {
		opt.MaxArchive = 64 << 20
	}
	if opt.MaxInflated <= 0 {
		opt.MaxInflated = 256 << 20
	}
	return &packages{e: e, opt: opt, routes: map[model.WorkflowType]model.PackageHash{}, programs: map[model.PackageHash]ports.Program{}, native: map[model.WorkflowType]bool{}}
}

// load reads the routes and the code that lives in the process.
func (p *packages) load(ctx context.Context) error {
	routes, err := p.e.store.Routes(ctx)
	if err != nil {
		return err
	}
	if p.opt.Native {
		prog, err := p.program(ctx, model.NativePackage)
		if err != nil {
			return err
		}
		for _, w := range prog.Info().Workflows {
			p.native[w.Type] = true
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range routes {
		p.routes[r.Type] = r.Package
	}
	return nil
}

// route gives the package for new runs of a type (rule D-6): code of the process wins. Errors: NoRoute.
func (p *packages) route(t model.WorkflowType) (model.PackageHash, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.native[t] {
		return model.NativePackage, nil
	}
	if h, ok := p.routes[t]; ok {
		return h, nil
	}
	known := make([]model.WorkflowType, 0, len(p.routes)+len(p.native))
	for k := range p.routes {
		known = append(known, k)
	}
	for k := range p.native {
		known = append(known, k)
	}
	sort.Slice(known, func(i, j int) bool { return known[i] < known[j] })
	return "", noRoute(t, known)
}

// program gives a package's program, loading it on first use. Errors: NotFound, InvalidInput.
func (p *packages) program(ctx context.Context, h model.PackageHash) (ports.Program, error) {
	p.mu.RLock()
	prog := p.programs[h]
	p.mu.RUnlock()
	if prog != nil {
		return prog, nil
	}
	var code []byte
	if h != model.NativePackage {
		pkg, err := p.e.store.Package(ctx, h)
		if err != nil {
			return nil, err
		}
		code = pkg.Code
	}
	prog, err := p.e.opt.Runtime.Load(ctx, h, code)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.programs[h] = prog
	p.mu.Unlock()
	return prog, nil
}

// Package finds a package by its hash or an unambiguous beginning of it.
func (e *Engine) Package(ctx context.Context, prefix string) (ports.PackageInfo, error) {
	all, err := e.Packages(ctx)
	if err != nil {
		return ports.PackageInfo{}, err
	}
	var found []ports.PackageInfo
	for _, p := range all {
		if string(p.Hash) == prefix {
			return p, nil
		}
		if strings.HasPrefix(string(p.Hash), prefix) {
			found = append(found, p)
		}
	}
	if len(prefix) < 7 {
		return ports.PackageInfo{}, fault.Invalidf("%q is too short for a package hash: give at least 7 digits", prefix)
	}
	if _, err := hex.DecodeString(prefix + prefix); err != nil {
		return ports.PackageInfo{}, fault.Invalidf("%q is not a package hash: it has 64 hex digits, of which at least 7 are given", prefix)
	}
	switch len(found) {
	case 0:
		return ports.PackageInfo{}, fault.NotFoundf("package %s is not on this server", prefix).Hinted("aion package list shows the packages")
	case 1:
		return found[0], nil
	}
	return ports.PackageInfo{}, fault.Invalidf("%s means %d packages: give more digits", prefix, len(found))
}

// SetRoute routes new runs of a type, and tries the type's Blocked runs with the package.
func (e *Engine) SetRoute(ctx context.Context, t model.WorkflowType, hash string) (ports.SetRouteResult, error) {
	if err := e.accepting(); err != nil {
		return ports.SetRouteResult{}, err
	}
	info, err := e.Package(ctx, hash)
	if err != nil {
		return ports.SetRouteResult{}, err
	}
	prog, err := e.packages.program(ctx, info.Hash)
	if err != nil {
		return ports.SetRouteResult{}, err
	}
	has := false
	for _, w := range prog.Info().Workflows {
		has = has || w.Type == t
	}
	if !has {
		return ports.SetRouteResult{}, fault.Invalidf("package %s has no workflow type %q", info.Hash, t)
	}
	p := e.packages
	p.mu.Lock()
	previous := p.routes[t]
	p.mu.Unlock()
	if previous != info.Hash {
		if err := e.store.SetRoute(ctx, ports.Route{Type: t, Package: info.Hash, SetAt: e.opt.Clock.Now(), Previous: previous}); err != nil {
			return ports.SetRouteResult{}, err
		}
		p.mu.Lock()
		p.routes[t] = info.Hash
		p.mu.Unlock()
	}
	res := ports.SetRouteResult{Route: ports.RouteChange{Type: t, Package: info.Hash, Previous: previous}}
	res.Tried, res.Unblocked, err = e.unblockType(ctx, t, info.Hash)
	return res, err
}

// Routes lists the routes by type.
func (e *Engine) Routes(ctx context.Context) ([]ports.Route, error) { return e.store.Routes(ctx) }

// Unload removes a package that nothing pins.
func (e *Engine) Unload(ctx context.Context, hash string) error {
	info, err := e.Package(ctx, hash)
	if err != nil {
		return err
	}
	if err := e.store.DeletePackage(ctx, info.Hash); err != nil {
		return err
	}
	p := e.packages
	p.mu.Lock()
	delete(p.programs, info.Hash)
	p.mu.Unlock()
	return nil
}
