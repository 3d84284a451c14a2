package transporttest

import (
	"context"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// CreateNamespace implements ports.Namespaces.
func (s *Service) CreateNamespace(ctx context.Context, n ports.NamespaceRecord) (ports.NamespaceRecord, error) {
	return ask[ports.NamespaceRecord](ctx, s, "CreateNamespace", n)
}

// GetNamespace implements ports.Namespaces.
func (s *Service) GetNamespace(ctx context.Context, ns model.Namespace) (ports.NamespaceRecord, error) {
	return ask[ports.NamespaceRecord](ctx, s, "GetNamespace", ns)
}

// UpdateNamespace implements ports.Namespaces.
func (s *Service) UpdateNamespace(ctx context.Context, u ports.NamespaceUpdate) (ports.NamespaceUpdated, error) {
	return ask[ports.NamespaceUpdated](ctx, s, "UpdateNamespace", u)
}

// ListNamespaces implements ports.Namespaces.
func (s *Service) ListNamespaces(ctx context.Context) ([]ports.NamespaceRecord, error) {
	return ask[[]ports.NamespaceRecord](ctx, s, "ListNamespaces", nil)
}

// DeprecateNamespace implements ports.Namespaces.
func (s *Service) DeprecateNamespace(ctx context.Context, ns model.Namespace, version uint64) (ports.NamespaceRecord, error) {
	return ask[ports.NamespaceRecord](ctx, s, "DeprecateNamespace", Args{ns, version})
}

// CountMatching implements ports.Workflows.
func (s *Service) CountMatching(ctx context.Context, q ports.CountQuery) (ports.CountResult, error) {
	return ask[ports.CountResult](ctx, s, "CountMatching", q)
}

func namespaceTrips() []trip {
	all := map[string]model.AttributeType{}
	for t := model.AttributeBool; t <= model.AttributeText; t++ {
		all["a_"+t.String()] = t
	}
	ns := ports.NamespaceRecord{Name: "shop", Version: 7, CreatedAt: at(1), Retention: time.Hour, Description: "all é", Deprecated: true, Attributes: all}
	description, retention := "", 2*time.Hour
	update := ports.NamespaceUpdate{Name: "shop", Version: 6, Description: &description, Retention: &retention, Attributes: all}
	some := ports.NamespaceUpdate{Name: "shop", Retention: &retention}
	filtered := ports.ListQuery{Namespace: "shop", Filter: "customer = 'é' order by amount", Limit: 9,
		After: &ports.ListCursor{StartedAt: at(9), Run: "r9", Value: []byte{0, 255}, Now: at(10)}}
	count := ports.CountQuery{Namespace: "shop", Type: "A", Status: model.StatusFailed, Filter: "vip = true"}
	return []trip{
		{"List", filtered, Page{[]ports.Run{run("r8")}, &ports.ListCursor{StartedAt: at(3), Run: "r7", Now: at(10)}},
			func(ctx context.Context, s ports.Service) (any, error) {
				runs, next, err := s.List(ctx, filtered)
				return Page{runs, next}, err
			}},
		{"CountMatching", count, ports.CountResult{N: 10_000, AtLeast: true},
			func(ctx context.Context, s ports.Service) (any, error) { return s.CountMatching(ctx, count) }},
		{"CreateNamespace", ns, ns, func(ctx context.Context, s ports.Service) (any, error) { return s.CreateNamespace(ctx, ns) }},
		{"GetNamespace", model.Namespace("shop"), ns, func(ctx context.Context, s ports.Service) (any, error) { return s.GetNamespace(ctx, "shop") }},
		{"UpdateNamespace", update, ports.NamespaceUpdated{Namespace: ns, Unblocked: 3},
			func(ctx context.Context, s ports.Service) (any, error) { return s.UpdateNamespace(ctx, update) }},
		{"UpdateNamespace", some, ports.NamespaceUpdated{Namespace: ns},
			func(ctx context.Context, s ports.Service) (any, error) { return s.UpdateNamespace(ctx, some) }},
		{"ListNamespaces", nil, []ports.NamespaceRecord{ns}, func(ctx context.Context, s ports.Service) (any, error) { return s.ListNamespaces(ctx) }},
		{"DeprecateNamespace", Args{model.Namespace("shop"), uint64(6)}, ns,
			func(ctx context.Context, s ports.Service) (any, error) { return s.DeprecateNamespace(ctx, "shop", 6) }},
	}
}

// runAttributes has one search attribute of each type.
func runAttributes() model.Attributes {
	return model.Attributes{
		{Name: "amount", Value: model.IntValue(-1 << 63)}, {Name: "customer", Value: model.KeywordValue("")}, {Name: "due", Value: model.TimeValue(at(9))},
		{Name: "note", Value: model.TextValue("it's é")}, {Name: "tags", Value: model.ListValue("b", "a")}, {Name: "vip", Value: model.BoolValue(false)},
		{Name: "weight", Value: model.FloatValue(-0.5)},
	}
}
