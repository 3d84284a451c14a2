package namespace

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/filter"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// maxDescription bounds a namespace's description, in bytes.
const maxDescription = 4096

// Get gives a namespace's record; "" is the default one. NotFound.
func (r *Resolver) Get(ns model.Namespace) (ports.NamespaceRecord, error) {
	if ns == "" {
		ns = r.opt.Default
	}
	r.mu.RLock()
	n, ok := r.known[ns]
	r.mu.RUnlock()
	if !ok || r.opt.Single && ns != r.opt.Default {
		return ports.NamespaceRecord{}, notFound(ns)
	}
	return n, nil
}

// All gives the records of all namespaces that callers may name, by name.
func (r *Resolver) All() []ports.NamespaceRecord {
	var out []ports.NamespaceRecord
	for _, ns := range r.Names() {
		if n, err := r.Get(ns); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// Attributes gives the search attributes that a namespace declares; the map is not to be changed.
func (r *Resolver) Attributes(ns model.Namespace) map[string]model.AttributeType {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.known[ns].Attributes
}

// Startable says whether something may be started in a namespace that exists. InvalidInput where it is deprecated.
func (r *Resolver) Startable(ns model.Namespace) error {
	r.mu.RLock()
	deprecated := r.known[ns].Deprecated
	r.mu.RUnlock()
	if deprecated {
		return fault.Invalidf("namespace %q is deprecated: nothing can be started in it", ns).Hinted("start it in another namespace; what runs here goes on")
	}
	return nil
}

// Create makes a namespace. Making it again just as it is changes nothing. Errors: AlreadyExists, InvalidInput.
func (r *Resolver) Create(ctx context.Context, n ports.NamespaceRecord) (ports.NamespaceRecord, error) {
	if err := model.ValidateNamespace(n.Name); err != nil {
		return n, err
	}
	if r.opt.Single && n.Name != r.opt.Default {
		return n, fault.Invalidf("this server has the single namespace %q", r.opt.Default).Hinted("namespaces.mode = shared allows others")
	}
	if n.Retention == 0 {
		n.Retention = r.opt.Retention
	}
	n.Version, n.CreatedAt, n.Deprecated = 1, r.clock.Now(), false
	if err := check(n.Description, n.Retention, n.Attributes); err != nil {
		return n, err
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	if is, err := r.Get(n.Name); err == nil {
		if is.Description == n.Description && is.Retention == n.Retention && maps.Equal(is.Attributes, n.Attributes) && !is.Deprecated {
			return is, nil
		}
		return n, fault.New(fault.AlreadyExists, "namespace %q exists already", n.Name).Hinted("aion namespace update changes it")
	}
	return n, r.put(ctx, n)
}

// Update changes a namespace. Errors: NotFound, Conflict, InvalidInput.
func (r *Resolver) Update(ctx context.Context, u ports.NamespaceUpdate) (ports.NamespaceRecord, error) {
	return r.change(ctx, u.Name, u.Version, func(n *ports.NamespaceRecord) error {
		if u.Description != nil {
			n.Description = *u.Description
		}
		if u.Retention != nil {
			n.Retention = *u.Retention
		}
		all := maps.Clone(n.Attributes)
		for name, t := range u.Attributes {
			if is, ok := all[name]; ok && is != t {
				return fault.Invalidf("search attribute %q of namespace %q is declared as %v; its type cannot be changed", name, n.Name, is).Hinted("declare another one")
			}
			if all == nil {
				all = map[string]model.AttributeType{}
			}
			all[name] = t
		}
		n.Attributes = all
		return check(n.Description, n.Retention, n.Attributes)
	})
}

// Deprecate lets nothing be started in a namespace any more. Errors: NotFound, Conflict.
func (r *Resolver) Deprecate(ctx context.Context, ns model.Namespace, version uint64) (ports.NamespaceRecord, error) {
	return r.change(ctx, ns, version, func(n *ports.NamespaceRecord) error {
		n.Deprecated = true
		return nil
	})
}

func (r *Resolver) change(ctx context.Context, ns model.Namespace, version uint64, f func(*ports.NamespaceRecord) error) (ports.NamespaceRecord, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	n, err := r.Get(ns)
	if err != nil {
		return n, err
	}
	if version != 0 && version != n.Version {
		return n, ports.NamespaceConflict(n.Name, version, n.Version)
	}
	if err := f(&n); err != nil {
		return n, err
	}
	n.Version++
	return n, r.put(ctx, n)
}

// put writes a record and knows it from then on. The caller holds changing.
func (r *Resolver) put(ctx context.Context, n ports.NamespaceRecord) error {
	if err := r.store.PutNamespace(ctx, n); err != nil {
		return err
	}
	r.mu.Lock()
	r.known[n.Name] = n
	r.mu.Unlock()
	return nil
}

func check(description string, retention time.Duration, attributes map[string]model.AttributeType) error {
	if len(description) > maxDescription {
		return fault.Invalidf("the description has %d bytes; at most %d are allowed", len(description), maxDescription)
	}
	if retention < 0 {
		return fault.Invalidf("the retention %v is negative", retention)
	}
	if len(attributes) > model.MaxDeclared {
		return fault.Invalidf("%d search attributes are declared; at most %d are allowed", len(attributes), model.MaxDeclared)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := model.ValidateAttributeName(name); err != nil {
			return err
		}
		if filter.Reserved(name) {
			return fault.Invalidf("a search attribute cannot be named %q: filters have another meaning for it", name).Hinted("choose another name")
		}
		if t := attributes[name]; t == model.AttributeUnspecified || t > model.AttributeText {
			return fault.Invalidf("search attribute %q has no type", name).Hinted("types are %s", strings.Join(model.AttributeTypes(), ", "))
		}
	}
	return nil
}
