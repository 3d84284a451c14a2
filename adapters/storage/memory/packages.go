package memory

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// PutPackage implements ports.Store.
func (s *Store) PutPackage(ctx context.Context, p ports.Package) error {
	return s.change(ctx, func() error {
		if _, ok := s.packages[p.Hash]; ok {
			return nil
		}
		p.Manifest, p.Code, p.DeployedAt, p.Pins = bytes.Clone(p.Manifest), bytes.Clone(p.Code), sameTime(p.DeployedAt), 0
		p.CodeBytes = int64(len(p.Code))
		s.packages[p.Hash] = p
		return nil
	})
}

// Package implements ports.Store.
func (s *Store) Package(ctx context.Context, hash model.PackageHash) (p ports.Package, err error) {
	err = s.read(ctx, &s.stats.otherReads, func() error {
		found, ok := s.packages[hash]
		if !ok {
			return fault.NotFoundf("no package %s", hash)
		}
		p = found
		p.Pins = s.pins[hash]
		return nil
	})
	return p, err
}

// Packages implements ports.Store.
func (s *Store) Packages(ctx context.Context) (out []ports.Package, err error) {
	err = s.read(ctx, &s.stats.otherReads, func() error {
		for _, p := range s.packages {
			p.Code, p.Pins = nil, s.pins[p.Hash]
			out = append(out, p)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b ports.Package) int {
		return cmp.Or(b.DeployedAt.Compare(a.DeployedAt), strings.Compare(string(a.Hash), string(b.Hash)))
	})
	return out, err
}

// DeletePackage implements ports.Store.
func (s *Store) DeletePackage(ctx context.Context, hash model.PackageHash) error {
	return s.change(ctx, func() error {
		if _, ok := s.packages[hash]; !ok {
			return fault.NotFoundf("no package %s", hash)
		}
		for _, r := range s.routes {
			if r.Package == hash {
				return ports.PackageRouted(hash, r.Type)
			}
		}
		if n := s.pins[hash]; n > 0 {
			return ports.PackagePinned(hash, n)
		}
		delete(s.packages, hash)
		return nil
	})
}

// SetRoute implements ports.Store.
func (s *Store) SetRoute(ctx context.Context, r ports.Route) error {
	return s.change(ctx, func() error {
		if _, ok := s.packages[r.Package]; !ok {
			return fault.NotFoundf("no package %s to route %q to", r.Package, r.Type).Hinted("deploy it first")
		}
		r.SetAt = sameTime(r.SetAt)
		s.routes[r.Type] = r
		return nil
	})
}

// Routes implements ports.Store.
func (s *Store) Routes(ctx context.Context) (out []ports.Route, err error) {
	err = s.read(ctx, &s.stats.otherReads, func() error {
		for _, r := range s.routes {
			out = append(out, r)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b ports.Route) int { return strings.Compare(string(a.Type), string(b.Type)) })
	return out, err
}

// PutNamespace implements ports.Store.
func (s *Store) PutNamespace(ctx context.Context, n ports.NamespaceRecord) error {
	return s.change(ctx, func() error {
		if is := s.namespaces[n.Name].Version; n.Version != is+1 {
			return ports.NamespaceConflict(n.Name, n.Version-1, is)
		}
		n.CreatedAt, n.Attributes = sameTime(n.CreatedAt), maps.Clone(n.Attributes)
		s.namespaces[n.Name] = n
		return nil
	})
}

// Namespaces implements ports.Store.
func (s *Store) Namespaces(ctx context.Context) (out []ports.NamespaceRecord, err error) {
	err = s.read(ctx, &s.stats.otherReads, func() error {
		for _, n := range s.namespaces {
			out = append(out, n)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b ports.NamespaceRecord) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return out, err
}
