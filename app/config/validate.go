package config

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/fault"
)

// Fault is an error about the value of a key, for what shows only when the value is used (a port is taken, a file is damaged):
// it names the key and its environment variable. Its reason is InvalidInput.
func Fault(key, format string, a ...any) *fault.Error {
	return fault.Invalidf("%s (%s): %s", key, Key{Name: key}.Variable(), fmt.Sprintf(format, a...))
}

// problems collects what is wrong, so that one attempt shows all of it.
type problems []error

func (p *problems) add(err error) {
	if err != nil {
		*p = append(*p, err)
	}
}

// say adds a problem with the value of a key.
func (p *problems) say(key, format string, a ...any) { p.add(Fault(key, format, a...)) }

// err is nil without problems, else one error of the reason InvalidInput.
func (p problems) err() error {
	switch len(p) {
	case 0:
		return nil
	case 1:
		return fault.Invalidf("configuration: %s", p[0])
	}
	lines := make([]string, len(p))
	for i, e := range p {
		lines[i] = "\n  " + e.Error()
	}
	return fault.Invalidf("configuration has %d problems:%s", len(p), strings.Join(lines, ""))
}

// Validate checks how the values fit together, to this build and to this machine's files. Its error, of the reason InvalidInput,
// names every value that cannot work, by key and environment variable.
func (c Config) Validate() error {
	var p problems
	c.validateServer(&p)
	c.validateStore(&p)
	c.validateAuth(&p)
	for _, name := range c.Runtime.Packages {
		p.wantFile("runtime.packages", name)
	}
	if c.Deploy.MaxInflatedBytes < c.Deploy.MaxArchiveBytes {
		p.say("deploy.max_inflated_bytes", "%s is less than deploy.max_archive_bytes, %s: no package of that size could be inflated",
			formatSize(c.Deploy.MaxInflatedBytes), formatSize(c.Deploy.MaxArchiveBytes))
	}
	if c.Limits.PayloadBytes >= c.Server.MaxRequestBytes {
		p.say("limits.payload_bytes", "%s does not fit in a request, which may have server.max_request_bytes, %s: lower the one or raise the other",
			formatSize(c.Limits.PayloadBytes), formatSize(c.Server.MaxRequestBytes))
	}
	return p.err()
}

func (c Config) validateServer(p *problems) {
	s := c.Server
	if collide(s.Address, s.AdminAddress) {
		p.say("server.admin_address", "%s is also what server.address, %s, listens on: choose another port", s.AdminAddress, s.Address)
	}
	switch {
	case s.TLS.CertFile != "" && s.TLS.KeyFile == "":
		p.say("server.tls.key_file", "is empty, but server.tls.cert_file is set: TLS needs both")
	case s.TLS.CertFile == "" && s.TLS.KeyFile != "":
		p.say("server.tls.cert_file", "is empty, but server.tls.key_file is set: TLS needs both")
	case s.TLS.CertFile == "" && s.TLS.ClientCAFile != "":
		p.say("server.tls.client_ca_file", "client certificates need TLS: set server.tls.cert_file and server.tls.key_file too")
	}
	p.wantFile("server.tls.cert_file", s.TLS.CertFile)
	p.wantFile("server.tls.key_file", s.TLS.KeyFile)
	p.wantFile("server.tls.client_ca_file", s.TLS.ClientCAFile)
}

func (c Config) validateStore(p *problems) {
	switch c.Store.Backend {
	case BackendPostgres:
		p.say("store.backend", "postgres is not available in this build: use libsql, sqlite or memory")
	case BackendLibSQL:
		if !haveLibSQL {
			p.say("store.backend", "the driver libsql is not in this build (it needs CGO, on linux/amd64, linux/arm64 or darwin/arm64): "+
				"use store.backend = sqlite, the driver in pure Go, on the same file")
		}
		fallthrough
	case BackendSQLite:
		if err := checkStoreFile(c.Store.URL); err != nil {
			p.say("store.url", "%s, not %q", err, maskURL(c.Store.URL))
		}
	}
}

func (c Config) validateAuth(p *problems) {
	a := c.Auth
	if a.Mode == AuthToken && a.TokensFile == "" {
		p.say("auth.tokens_file", "is empty, but auth.mode = token reads its tokens there")
	}
	if a.Mode == AuthJWKS && a.JWKS.URL == "" && a.JWKS.Issuer == "" {
		p.say("auth.jwks.url", "is empty, but auth.mode = jwks finds its keys there: set it or auth.jwks.issuer")
	}
	if a.Mode == AuthJWKS && len(a.JWKS.Algorithms) == 0 {
		p.say("auth.jwks.algorithms", "is empty, so auth.mode = jwks would accept no token")
	}
	if a.Mode == AuthJWKS && len(a.JWKS.Audiences) == 0 {
		p.say("auth.jwks.audiences", "is empty: tokens that the issuer made for other services would be believed")
	}
	if a.Mode == AuthJWKS && a.JWKS.GrantsClaim == "" && len(a.JWKS.Grants) == 0 {
		p.say("auth.jwks.grants", "is empty, and so is auth.jwks.grants_claim: nobody could do anything")
	}
	if a.JWKS.ClockSkew > 5*time.Minute {
		p.say("auth.jwks.clock_skew", "%s is more than 5m: set the clocks instead", a.JWKS.ClockSkew)
	}
	// A setting that looks like protection and does nothing is worse than none.
	if a.Mode != AuthToken && a.TokensFile != "" {
		p.say("auth.tokens_file", "is set, but auth.mode = %s reads no tokens: set auth.mode = token", a.Mode)
	}
	if a.Mode != AuthJWKS {
		for _, key := range []struct {
			name string
			set  bool
		}{{"auth.jwks.url", a.JWKS.URL != ""}, {"auth.jwks.issuer", a.JWKS.Issuer != ""}, {"auth.jwks.audiences", len(a.JWKS.Audiences) > 0},
			{"auth.jwks.grants_claim", a.JWKS.GrantsClaim != ""}, {"auth.jwks.grants", len(a.JWKS.Grants) > 0}} {
			if key.set {
				p.say(key.name, "is set, but auth.mode = %s checks no JWTs: set auth.mode = jwks", a.Mode)
			}
		}
	}
	if a.Mode != AuthDev && a.AllowAnonymousNonLoopback {
		p.say("auth.allow_anonymous_non_loopback", "is true, but auth.mode = %s believes nobody without a token: set one of the two", a.Mode)
	}
	if a.Mode == AuthDev && !a.AllowAnonymousNonLoopback && !isLoopback(c.Server.Address) {
		p.say("server.address", "%s can be reached from other machines, and auth.mode = dev believes everybody. Listen on 127.0.0.1, or take one of three ways out: "+
			"(1) mount a tokens file made by \"aion token create\" and set auth.mode = token (%s) and auth.tokens_file (%s); "+
			"(2) set auth.mode = jwks and auth.jwks.url or auth.jwks.issuer (%s, %s); "+
			"(3) let everybody who reaches the port do everything: %s=true",
			c.Server.Address, Key{Name: "auth.mode"}.Variable(), Key{Name: "auth.tokens_file"}.Variable(), Key{Name: "auth.jwks.url"}.Variable(),
			Key{Name: "auth.jwks.issuer"}.Variable(), Key{Name: "auth.allow_anonymous_non_loopback"}.Variable())
	}
	p.wantFile("auth.tokens_file", a.TokensFile)
}

// wantFile says what is wrong with a file that must be readable; an empty name is fine.
func (p *problems) wantFile(key, name string) {
	if name == "" {
		return
	}
	f, err := os.Open(name)
	if err != nil {
		p.say(key, "%s", err)
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		p.say(key, "%s is a folder, not a file", name)
	}
}
