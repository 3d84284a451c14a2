package access_test

import (
	"context"
	"slices"
	"testing"

	"github.com/aionrun/aion/domain/access"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/ports/transporttest"
)

// [SEC-2] A verification looks at all runs and counts them; those of namespaces that the caller may not read are not shown.
func TestVerificationsShowWhatMayBeRead(t *testing.T) {
	found := ports.Verification{Types: []ports.VerifiedType{{Type: "A", Open: 2, Different: 2}}, Differences: []ports.Difference{
		{Key: model.ChainKey{Namespace: "bank"}}, {Key: model.ChainKey{Namespace: "shop-eu"}},
	}}
	answer := func() ports.Verification { v := found; v.Differences = slices.Clone(v.Differences); return v }
	s := &transporttest.Service{Reply: func(_ context.Context, c transporttest.Call) (any, error) {
		if v := answer(); c.Method == "Verify" {
			return v, nil
		} else {
			return ports.DeployResult{Verified: &v}, nil
		}
	}}
	g := access.New(s, access.Options{})
	for _, c := range []struct {
		grants []string
		shown  int
	}{{[]string{"*=deployer"}, 0}, {[]string{"*=deployer", "shop-*=reader"}, 1}, {[]string{"*=deployer", "*=reader"}, 2}} {
		v, err := g.Verify(as(c.grants...), ports.VerifyRequest{})
		if err != nil || len(v.Differences) != c.shown || v.Types[0].Different != 2 {
			t.Errorf("%v: %+v, %v", c.grants, v, err)
		}
		res, err := g.Deploy(as(c.grants...), ports.DeployRequest{})
		if err != nil || len(res.Verified.Differences) != c.shown {
			t.Errorf("%v: %+v, %v", c.grants, res, err)
		}
	}
}
