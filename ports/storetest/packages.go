package storetest

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// [PKG-1]
func packages(t *testing.T, st ports.Store) {
	ctx := t.Context()
	p := ports.Package{Hash: "h1", Name: "orders", Manifest: []byte(`{"a":1}`), Code: []byte("code"), DeployedAt: epoch0}
	ok(t, st.PutPackage(ctx, p))
	// The same hash again changes nothing.
	ok(t, st.PutPackage(ctx, ports.Package{Hash: "h1", Name: "else", Code: []byte("else"), DeployedAt: epoch0.Add(time.Hour)}))
	ok(t, st.PutPackage(ctx, ports.Package{Hash: "h2", DeployedAt: epoch0.Add(time.Minute)}))
	ok(t, st.PutPackage(ctx, ports.Package{Hash: "h3", DeployedAt: epoch0.Add(time.Second)}))
	p.CodeBytes = 4
	equal(t, "package", fmt.Sprintf("%+v", must[ports.Package](t)(st.Package(ctx, "h1"))), fmt.Sprintf("%+v", p))
	var order []model.PackageHash
	for _, p := range must[[]ports.Package](t)(st.Packages(ctx)) {
		equal(t, "code in the list", len(p.Code), 0)
		order = append(order, p.Hash)
	}
	equalSlices(t, "packages, newest first", order, []model.PackageHash{"h2", "h3", "h1"})

	s := numbered(1)
	pin := func(n int64) {
		a := s.append(1)
		a.Pins = []ports.Pin{{Package: "h1", N: n}}
		s.do(t, st, a)
	}
	del := func(hash model.PackageHash, want fault.Reason) {
		t.Helper()
		if err := st.DeletePackage(ctx, hash); fault.ReasonOf(err) != want {
			t.Fatalf("deleting package %s gave %v, want %s", hash, err, want)
		}
	}
	pin(1)
	pin(2)
	equal(t, "pins", must[ports.Package](t)(st.Package(ctx, "h1")).Pins, 3)
	for _, p := range must[[]ports.Package](t)(st.Packages(ctx)) {
		equal(t, "pins of "+string(p.Hash)+" in the list", p.Pins, map[model.PackageHash]int64{"h1": 3}[p.Hash])
	}
	del("h1", fault.PackagePinned)
	pin(-2)
	del("h1", fault.PackagePinned)
	pin(-1)
	ok(t, st.SetRoute(ctx, ports.Route{Type: "Order", Package: "h1", SetAt: epoch0}))
	del("h1", fault.PackagePinned)
	ok(t, st.SetRoute(ctx, ports.Route{Type: "Order", Package: "h2", SetAt: epoch0}))
	del("h1", fault.Unspecified)
	del("h1", fault.NotFound)
	if _, err := st.Package(ctx, "h1"); !fault.Has(err, fault.NotFound) {
		t.Fatalf("a deleted package gave %v, want not_found", err)
	}
	ok(t, st.PutPackage(ctx, p))
	equal(t, "pins of a package that came back", must[ports.Package](t)(st.Package(ctx, "h1")).Pins, 0)
}

func largePackage(t *testing.T, st ports.Store) {
	code := bytes.Repeat([]byte("wasm\x00"), 1<<20)
	ok(t, st.PutPackage(t.Context(), ports.Package{Hash: "big", Code: code}))
	p := must[ports.Package](t)(st.Package(t.Context(), "big"))
	if !bytes.Equal(p.Code, code) || p.CodeBytes != int64(len(code)) {
		t.Fatalf("%d bytes of code came back as %d (%d)", len(code), len(p.Code), p.CodeBytes)
	}
	equal(t, "size in the list", must[[]ports.Package](t)(st.Packages(t.Context()))[0].CodeBytes, int64(len(code)))
}

func routes(t *testing.T, st ports.Store) {
	ctx := t.Context()
	if err := st.SetRoute(ctx, ports.Route{Type: "T", Package: "none"}); !fault.Has(err, fault.NotFound) {
		t.Fatalf("a route to a package that is not stored gave %v, want not_found", err)
	}
	equal(t, "routes", len(must[[]ports.Route](t)(st.Routes(ctx))), 0)
	ok(t, st.PutPackage(ctx, ports.Package{Hash: "h1"}))
	ok(t, st.PutPackage(ctx, ports.Package{Hash: "h2"}))
	for _, r := range []ports.Route{{Type: "b", Package: "h1", SetAt: epoch0}, {Type: "a", Package: "h1", SetAt: epoch0}, {Type: "b", Package: "h2", SetAt: epoch0.Add(1), Previous: "h1"}} {
		ok(t, st.SetRoute(ctx, r))
	}
	equalSlices(t, "routes", must[[]ports.Route](t)(st.Routes(ctx)),
		[]ports.Route{{Type: "a", Package: "h1", SetAt: epoch0}, {Type: "b", Package: "h2", SetAt: epoch0.Add(1), Previous: "h1"}})
}

func namespaces(t *testing.T, st ports.Store) {
	ctx := t.Context()
	full := ports.NamespaceRecord{Name: "b", Version: 2, CreatedAt: epoch0, Retention: -1, Description: "wh\x00at; '", Deprecated: true,
		Attributes: map[string]model.AttributeType{"a": model.AttributeBool, "z": model.AttributeText}}
	for _, n := range []ports.NamespaceRecord{{Name: "b", Version: 1, CreatedAt: epoch0}, {Name: "a", Version: 1, CreatedAt: epoch0, Retention: time.Hour}, full} {
		ok(t, st.PutNamespace(ctx, n))
	}
	want := []ports.NamespaceRecord{{Name: "a", Version: 1, CreatedAt: epoch0, Retention: time.Hour}, full}
	for _, version := range []uint64{0, 1, 2, 4} {
		if err := st.PutNamespace(ctx, ports.NamespaceRecord{Name: "b", Version: version}); !fault.Has(err, fault.Conflict) {
			t.Fatalf("version %d after version 2 gave %v, want conflict", version, err)
		}
	}
	if err := st.PutNamespace(ctx, ports.NamespaceRecord{Name: "c", Version: 2}); !fault.Has(err, fault.Conflict) {
		t.Fatalf("version 2 of nothing gave %v, want conflict", err)
	}
	if got := must[[]ports.NamespaceRecord](t)(st.Namespaces(ctx)); !reflect.DeepEqual(got, want) {
		t.Fatalf("namespaces are\n\t%+v, want\n\t%+v", got, want)
	}
}
