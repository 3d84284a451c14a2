// Package oidc holds a server with auth.mode = jwks against an OpenID Connect provider that is not ours: the example server of zitadel/oidc.
package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/clock/system"
	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/app"
	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// build makes the provider's binary, as internal/tools/oidc pins it.
func build(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "provider")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-C", "../../internal/tools/oidc", "-o", out, "github.com/zitadel/oidc/v3/example/server")
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the provider does not build: %v\n%s", err, b)
	}
	return out
}

// provider is a running provider: each time that it starts it has new keys.
type provider struct {
	issuer, redirect string
	stop             func()
}

func start(t *testing.T, binary, port string) provider {
	t.Helper()
	p := provider{issuer: "http://localhost:" + port + "/", redirect: "http://localhost:" + port + "/done"}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append(os.Environ(), "PORT="+port, "REDIRECT_URI="+p.redirect)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.stop = func() {
		cancel()
		_ = cmd.Wait() // it was killed
	}
	t.Cleanup(p.stop)
	until, tick := time.NewTimer(30*time.Second), time.NewTicker(20*time.Millisecond)
	defer until.Stop()
	defer tick.Stop()
	for {
		if res, err := http.Get(p.issuer + ".well-known/openid-configuration"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return p
			}
		}
		select {
		case <-tick.C:
		case <-until.C:
			t.Fatal("the provider does not answer")
		}
	}
}

// login gets an ID token by the authorization code flow, as a browser would.
func (p provider) login(t *testing.T) string {
	t.Helper()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	next := func(res *http.Response, err error) *url.URL {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		at, err := res.Location()
		if err != nil {
			b, _ := io.ReadAll(res.Body)
			t.Fatalf("%s %s leads nowhere: %s %s", res.Request.Method, res.Request.URL, res.Status, b)
		}
		return at
	}
	ask := url.Values{"client_id": {"web"}, "redirect_uri": {p.redirect}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"}, "nonce": {"n"}}
	form := next(c.Get(p.issuer + "auth?" + ask.Encode()))
	answer := url.Values{"id": {form.Query().Get("authRequestID")}, "username": {"test-user@localhost"}, "password": {"verysecure"}}
	callback := next(c.PostForm(p.issuer+"login/username", answer))
	done := next(c.Get(callback.String()))
	code := url.Values{"grant_type": {"authorization_code"}, "code": {done.Query().Get("code")}, "redirect_uri": {p.redirect}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.issuer+"oauth/token", strings.NewReader(code.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("web", "secret")
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var tokens struct {
		IDToken string `json:"id_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&tokens); err != nil || tokens.IDToken == "" {
		t.Fatalf("no ID token: %s, %v", res.Status, err)
	}
	return tokens.IDToken
}

// ahead is the machine's clock, some seconds ahead.
type ahead struct {
	system.Clock
	seconds atomic.Int64
}

func (c *ahead) Now() time.Time {
	return c.Clock.Now().Add(time.Duration(c.seconds.Load()) * time.Second)
}

// bearing sends a token with every request.
type bearing struct {
	token string
	next  http.RoundTripper
}

func (b bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

// [SEC-6] A server believes the tokens of a real provider, also after the provider has other keys, without a restart.
func TestProvider(t *testing.T) {
	binary := build(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()

	cfg := config.Default()
	cfg.Server.Address, cfg.Server.AdminAddress, cfg.Store.Backend = "127.0.0.1:0", "127.0.0.1:0", config.BackendMemory
	cfg.Auth.Mode = config.AuthJWKS
	cfg.Auth.JWKS.Issuer, cfg.Auth.JWKS.Audiences, cfg.Auth.JWKS.Grants = "http://localhost:"+port+"/", []string{"web"}, []string{"sub:id1=operator@default"}
	clock := &ahead{}
	open := func(c config.Config) (*app.Server, error) {
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		s, err := app.New(c, app.Options{Clock: clock, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return s, s.Start(t.Context())
	}
	// Without the provider the server does not start, and says which setting it is about.
	if _, err := open(cfg); err == nil || !strings.Contains(err.Error(), "auth.jwks.issuer (AION_AUTH__JWKS__ISSUER)") {
		t.Fatalf("without a provider: %v", err)
	}

	p := start(t, binary, port)
	serve := func(c config.Config) func(token string) error {
		t.Helper()
		s, err := open(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return func(token string) error {
			client := connect.HTTPClient()
			defer client.CloseIdleConnections()
			r := connect.NewRemote(&http.Client{Transport: bearing{token, client.Transport}}, "http://"+s.Address())
			if _, _, err := r.List(t.Context(), ports.ListQuery{Namespace: "default"}); err != nil {
				return err
			}
			who, err := r.WhoAmI(t.Context())
			if err != nil {
				return err
			}
			if who.GetSubject() != "id1" || who.GetAuthMode() != "jwks" || fmt.Sprint(who.GetGrants()) == "[]" || who.GetExpiresAt() == nil {
				return fmt.Errorf("who am I: %v", who)
			}
			return nil
		}
	}
	ask := serve(cfg)
	token := p.login(t)
	if err := ask(token); err != nil {
		t.Fatal(err)
	}
	if err := ask(token[:len(token)-4] + "AAAA"); !fault.Has(err, fault.Unauthenticated) {
		t.Errorf("a changed signature: %v", err)
	}
	other := cfg
	other.Auth.JWKS.Audiences = []string{"aion"}
	if err := serve(other)(token); !fault.Has(err, fault.Unauthenticated) || !strings.Contains(err.Error(), "not meant for this server") {
		t.Errorf("a token for somebody else: %v", err)
	}

	p.stop()
	if err := ask(token); err != nil {
		t.Errorf("while the provider is down: %v", err)
	}
	p = start(t, binary, port) // with other keys
	clock.seconds.Add(20)      // an unknown key is asked for again
	if err := ask(p.login(t)); err != nil {
		t.Errorf("after the provider's keys changed: %v", err)
	}
	if err := ask(token); !fault.Has(err, fault.Unauthenticated) {
		t.Errorf("a token of keys that are gone: %v", err)
	}
}
