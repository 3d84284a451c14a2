package token_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/auth/token"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// clock stands where it is put.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time                                  { return c.now }
func (c *clock) AfterFunc(d time.Duration, f func()) ports.Timer { return time.AfterFunc(d, f) }

func newClock() *clock { return &clock{time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)} }

func shop(role string) token.Entry {
	return token.Entry{Subject: `ci "é" \n`, Grants: []token.Grant{{Namespaces: "shop-*", Role: role}}}
}

func bearer(t string) ports.Credentials { return ports.Credentials{Authorization: "Bearer " + t} }

func wantReason(t *testing.T, err error, r fault.Reason, text string) {
	t.Helper()
	if !fault.Has(err, r) || !strings.Contains(err.Error(), text) {
		t.Fatalf("got %v, want %s with %q", err, r, text)
	}
}

// [SEC-3] A token is believed from its creation to its expiry or its revocation, without a restart; the file does not hold it.
func TestLife(t *testing.T) {
	ctx, c, path := context.Background(), newClock(), filepath.Join(t.TempDir(), "tokens.toml")
	e := shop("operator")
	end := c.now.Add(time.Hour)
	e.Expires = end
	secret, made, err := token.Create(path, e, c.now)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(path); strings.Contains(string(b), secret) || strings.Contains(string(b), secret[5:]) {
		t.Fatal("the file holds the token")
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v", info.Mode())
	}
	a, err := token.Open(path, c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Authenticate(ctx, bearer(secret))
	if err != nil || p.Subject != shop("").Subject || !p.Expires.Equal(end) || !p.Allows("shop-eu", ports.RoleStarter) || p.Sees("bank") {
		t.Fatalf("got %+v, %v", p, err)
	}
	for _, other := range []string{"", "x", secret + "x", secret[:len(secret)-1], strings.ToUpper(secret)} {
		if _, err := a.Authenticate(ctx, bearer(other)); !fault.Has(err, fault.Unauthenticated) {
			t.Errorf("token %q: %v", other, err)
		}
	}
	_, err = a.Authenticate(ctx, ports.Credentials{Identity: "root"})
	wantReason(t, err, fault.Unauthenticated, "no credentials")
	_, err = a.Authenticate(ctx, ports.Credentials{Authorization: "Basic " + secret})
	wantReason(t, err, fault.Unauthenticated, "no bearer token")
	_, err = a.Authenticate(ctx, bearer("a.b.c"))
	wantReason(t, err, fault.Unauthenticated, "auth.mode is token")

	// Another one comes, the first one goes: within a second of the clock.
	second, _, err := token.Create(path, shop("reader"), c.now)
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Revoke(path, made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Authenticate(ctx, bearer(second)); err == nil {
		t.Error("the file was read again at once: it is looked at for every call")
	}
	c.now = c.now.Add(time.Second)
	if _, err := a.Authenticate(ctx, bearer(second)); err != nil {
		t.Error(err)
	}
	_, err = a.Authenticate(ctx, bearer(secret))
	wantReason(t, err, fault.Unauthenticated, "revoked")

	// A broken file and a missing one change nothing.
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("[[token]]\nid = 'x'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(time.Second)
	if _, err := a.Authenticate(ctx, bearer(second)); err != nil {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(time.Second)
	if _, err := a.Authenticate(ctx, bearer(second)); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A token ends at the moment that is written, not a second later.
func TestExpiry(t *testing.T) {
	ctx, c, path := context.Background(), newClock(), filepath.Join(t.TempDir(), "tokens.toml")
	e := shop("admin")
	end := c.now.Add(time.Hour)
	e.Expires = end
	secret, _, err := token.Create(path, e, c.now)
	if err != nil {
		t.Fatal(err)
	}
	a, err := token.Open(path, c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c.now = end.Add(-time.Nanosecond)
	if _, err := a.Authenticate(ctx, bearer(secret)); err != nil {
		t.Error(err)
	}
	c.now = end
	_, err = a.Authenticate(ctx, bearer(secret))
	wantReason(t, err, fault.Unauthenticated, "expired at 2027-01-01T01:00:00Z")
}

func TestBadFiles(t *testing.T) {
	const sum = "sha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'\n"
	for name, c := range map[string]struct{ text, want string }{
		"no TOML":          {"[[token]\n", "line 1"},
		"unknown key":      {"[[token]]\nid='a'\nrole='x'\n", "line 3: there is no key"},
		"no hash":          {"[[token]]\nid='a'\nsubject='s'\nsha256='abc'\n", "64 hexadecimal digits"},
		"no grants":        {"[[token]]\nid='a'\nsubject='s'\n" + sum, "no grants"},
		"no subject":       {"[[token]]\nid='a'\n" + sum, "subject"},
		"unknown role":     {"[[token]]\nid='a'\nsubject='s'\ngrants=[{namespaces='*',role='root'}]\n" + sum, `no role "root"`},
		"bad pattern":      {"[[token]]\nid='a'\nsubject='s'\ngrants=[{namespaces='*shop',role='reader'}]\n" + sum, "no pattern"},
		"the same twice":   {strings.Repeat("[[token]]\nid='a'\nsubject='s'\ngrants=[{namespaces='*',role='reader'}]\n"+sum, 2), "the same id"},
		"a plain password": {"[[token]]\nid='a'\nsubject='s'\ntoken='hunter2'\n" + sum, "no key"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tokens.toml")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := token.Open(path, newClock(), slog.New(slog.DiscardHandler))
			wantReason(t, err, fault.InvalidInput, c.want)
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
	_, err := token.Open(filepath.Join(t.TempDir(), "none"), newClock(), slog.New(slog.DiscardHandler))
	wantReason(t, err, fault.NotFound, "aion token create")
}

// Two who change the file at once do not lose each other's tokens, and a change that fails leaves the file as it is.
func TestChange(t *testing.T) {
	c, path := newClock(), filepath.Join(t.TempDir(), "tokens.toml")
	if _, _, err := token.Create(path, shop("reader"), c.now); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := token.Create(path, shop("reader"), c.now)
	wantReason(t, err, fault.Conflict, "somebody else")
	if err := os.Remove(path + ".new"); err != nil {
		t.Fatal(err)
	}
	wantReason(t, token.Revoke(path, "nobody"), fault.NotFound, "aion token list")
	if _, err := os.Stat(path + ".new"); err == nil {
		t.Error("a failed change leaves its lock")
	}
	if all, err := token.Read(path); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	_, _, err = token.Create(path, token.Entry{Grants: []token.Grant{{Namespaces: "Shop", Role: "reader"}}}, c.now)
	wantReason(t, err, fault.InvalidInput, "no pattern")
}
