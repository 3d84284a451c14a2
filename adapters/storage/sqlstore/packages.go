package sqlstore

import (
	"context"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

const (
	sqlPutPackage = `INSERT INTO package (hash, name, deployed_at, code_bytes, manifest, code) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (hash) DO NOTHING`
	packageFields = `p.hash, p.name, p.deployed_at, p.code_bytes, p.manifest, coalesce((SELECT pin.n FROM pin WHERE pin.package = p.hash), 0)`
	sqlPackage    = `SELECT ` + packageFields + `, p.code FROM package AS p WHERE p.hash = ?`
	sqlPackages   = `SELECT ` + packageFields + ` FROM package AS p ORDER BY p.deployed_at DESC, p.hash`
	sqlPins       = `SELECT coalesce((SELECT pin.n FROM pin WHERE pin.package = p.hash), 0) FROM package AS p WHERE p.hash = ?`
	sqlPutRoute   = `INSERT INTO route (type, package, set_at, previous) VALUES (?, ?, ?, ?)
		ON CONFLICT (type) DO UPDATE SET package = excluded.package, set_at = excluded.set_at, previous = excluded.previous`
)

// PutPackage implements ports.Store.
func (s *Store) PutPackage(ctx context.Context, p ports.Package) error {
	return s.alone(ctx, len(p.Code)+len(p.Manifest), func(w *writer) error {
		w.args.reset().id(string(p.Hash)).text(p.Name).time(p.DeployedAt).int(int64(len(p.Code))).blob(p.Manifest).blob(p.Code)
		_, err := w.c.exec(sqlPutPackage, w.args.vals)
		return err
	})
}

func readPackage(c *columns) ports.Package {
	return ports.Package{Hash: model.PackageHash(c.id()), Name: c.text(), DeployedAt: c.time(), CodeBytes: c.int(), Manifest: c.blob(), Pins: c.int()}
}

// Package implements ports.Store.
func (s *Store) Package(ctx context.Context, hash model.PackageHash) (p ports.Package, err error) {
	found := false
	err = s.read(ctx, &s.stats.otherReads, sqlPackage, func(a *args) { a.id(string(hash)) }, func(c *columns) bool {
		p, found = readPackage(c), true
		p.Code = c.blob()
		return false
	})
	if err == nil && !found {
		err = fault.NotFoundf("no package %s", hash)
	}
	return p, err
}

// Packages implements ports.Store.
func (s *Store) Packages(ctx context.Context) (out []ports.Package, err error) {
	err = s.read(ctx, &s.stats.otherReads, sqlPackages, nil, func(c *columns) bool {
		out = append(out, readPackage(c))
		return true
	})
	return out, err
}

// pinsOf tells how many pins a stored package has; found is false when there is no such package.
func (w *writer) pinsOf(hash model.PackageHash) (pins int64, found bool, err error) {
	return w.c.number(sqlPins, w.args.reset().id(string(hash)).vals)
}

// DeletePackage implements ports.Store.
func (s *Store) DeletePackage(ctx context.Context, hash model.PackageHash) error {
	return s.alone(ctx, 0, func(w *writer) error {
		pins, found, err := w.pinsOf(hash)
		if err != nil {
			return err
		}
		if !found {
			return fault.NotFoundf("no package %s", hash)
		}
		var route model.WorkflowType
		routed := false
		err = s.rows(w.c, `SELECT type FROM route WHERE package = ? LIMIT 1`, func(a *args) { a.id(string(hash)) }, func(c *columns) bool {
			route, routed = model.WorkflowType(c.text()), true
			return false
		})
		switch {
		case err != nil:
			return err
		case routed:
			return ports.PackageRouted(hash, route)
		case pins > 0:
			return ports.PackagePinned(hash, pins)
		}
		_, err = w.c.exec(`DELETE FROM package WHERE hash = ?`, w.args.reset().id(string(hash)).vals)
		return err
	})
}

// SetRoute implements ports.Store.
func (s *Store) SetRoute(ctx context.Context, r ports.Route) error {
	return s.alone(ctx, 0, func(w *writer) error {
		_, found, err := w.pinsOf(r.Package)
		if err != nil {
			return err
		}
		if !found {
			return fault.NotFoundf("no package %s to route %q to", r.Package, r.Type).Hinted("deploy it first")
		}
		_, err = w.c.exec(sqlPutRoute, w.args.reset().text(string(r.Type)).id(string(r.Package)).time(r.SetAt).id(string(r.Previous)).vals)
		return err
	})
}

// Routes implements ports.Store.
func (s *Store) Routes(ctx context.Context) (out []ports.Route, err error) {
	err = s.read(ctx, &s.stats.otherReads, `SELECT type, package, set_at, previous FROM route ORDER BY type`, nil, func(c *columns) bool {
		out = append(out, ports.Route{Type: model.WorkflowType(c.text()), Package: model.PackageHash(c.id()), SetAt: c.time(), Previous: model.PackageHash(c.id())})
		return true
	})
	return out, err
}
