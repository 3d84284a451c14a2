package ports_test

import (
	"context"
	"testing"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func TestGrants(t *testing.T) {
	roles := []ports.Role{ports.RoleReader, ports.RoleStarter, ports.RoleOperator, ports.RoleAdmin, ports.RoleWorker, ports.RoleDeployer}
	included := map[ports.Role][]ports.Role{
		ports.RoleReader:   {ports.RoleReader},
		ports.RoleStarter:  {ports.RoleReader, ports.RoleStarter},
		ports.RoleOperator: {ports.RoleReader, ports.RoleStarter, ports.RoleOperator},
		ports.RoleAdmin:    roles,
		ports.RoleWorker:   {ports.RoleWorker},
		ports.RoleDeployer: {ports.RoleDeployer},
	}
	for _, have := range roles {
		for _, need := range roles {
			want := false
			for _, r := range included[have] {
				want = want || r == need
			}
			if got := have.Includes(need); got != want {
				t.Errorf("role %d includes role %d: %v, want %v", have, need, got, want)
			}
		}
	}
	for _, r := range roles {
		if r.Includes(0) || ports.Role(0).Includes(r) {
			t.Errorf("role %d and the zero role include each other", r)
		}
	}

	for _, c := range []struct {
		pattern string
		ns      model.Namespace
		want    bool
	}{
		{"shop-*", "shop-eu", true}, {"shop-*", "shop-", true}, {"shop-*", "shop", false}, {"*", "anything", true},
		{"shop", "shop", true}, {"shop", "shop-eu", false}, {"", "shop", false}, {"s*p", "shop", false},
	} {
		p := ports.Principal{Grants: []ports.Grant{{Namespaces: c.pattern, Role: ports.RoleOperator}}}
		if got := p.Allows(c.ns, ports.RoleStarter); got != c.want {
			t.Errorf("pattern %q, namespace %q: %v, want %v", c.pattern, c.ns, got, c.want)
		}
		if p.Allows(c.ns, ports.RoleAdmin) {
			t.Errorf("pattern %q: an operator is no admin", c.pattern)
		}
	}
}

func TestPrincipalInContext(t *testing.T) {
	if _, ok := ports.PrincipalFrom(context.Background()); ok {
		t.Fatal("an empty context holds a principal")
	}
	p, ok := ports.PrincipalFrom(ports.WithPrincipal(context.Background(), ports.Principal{Subject: "ada"}))
	if !ok || p.Subject != "ada" {
		t.Fatalf("got %+v, %v", p, ok)
	}
}
