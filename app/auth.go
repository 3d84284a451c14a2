package app

import (
	"context"
	"log/slog"
	"net"
	"net/url"

	"github.com/aionrun/aion/adapters/auth/dev"
	"github.com/aionrun/aion/adapters/auth/jwks"
	"github.com/aionrun/aion/adapters/auth/token"
	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// openAuth gives what auth.mode names. Its errors name the key.
func openAuth(ctx context.Context, c config.Auth, clock ports.Clock, log *slog.Logger) (ports.Authenticator, error) {
	switch {
	case c.Mode == config.AuthToken:
		a, err := token.Open(c.TokensFile, clock, log)
		if err != nil {
			f := config.Fault("auth.tokens_file", "the tokens cannot be used")
			f.Err = err
			return nil, f
		}
		return a, nil
	case c.Mode == config.AuthJWKS:
		return openJWKS(ctx, c.JWKS, clock, log)
	case c.AllowAnonymousNonLoopback:
		return anybody{}, nil
	}
	return dev.Auth{}, nil
}

func openJWKS(ctx context.Context, c config.JWKS, clock ports.Clock, log *slog.Logger) (ports.Authenticator, error) {
	o := jwks.Options{
		URL: c.URL, Issuer: c.Issuer, Audiences: c.Audiences, Algorithms: c.Algorithms, Skew: c.ClockSkew, Refresh: c.RefreshInterval,
		Mapping: jwks.Mapping{Subject: c.SubjectClaim, Grants: c.GrantsClaim}, Clock: clock, Log: log,
	}
	for _, text := range c.Grants {
		r, err := jwks.ParseRule(text)
		if err != nil {
			return nil, config.Fault("auth.jwks.grants", "%v", err)
		}
		o.Mapping.Rules = append(o.Mapping.Rules, r)
	}
	key, from := "auth.jwks.url", c.URL
	if c.URL == "" {
		key, from = "auth.jwks.issuer", c.Issuer
	}
	if u, err := url.Parse(from); err == nil && u.Scheme == "http" && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback() {
		log.Warn("the keys of JWTs come over plain http: whoever is on the way can put keys of their own in", "key", key, "url", from)
	}
	a, err := jwks.Open(ctx, o)
	if err != nil {
		f := config.Fault(key, "%s", from)
		f.Err = err
		return nil, f.Hinted("check the address from this machine, and that the issuer is up: the server does not start without keys")
	}
	return a, nil
}

// anybody believes every peer, wherever it is: auth.allow_anonymous_non_loopback.
type anybody struct{}

var _ ports.Authenticator = anybody{}

// Mode is "dev".
func (anybody) Mode() string { return config.AuthDev }

// Authenticate gives the claimed identity every role in every namespace. Errors: InvalidInput for an identity that is no valid name.
func (anybody) Authenticate(_ context.Context, c ports.Credentials) (ports.Principal, error) {
	subject := c.Identity
	if subject == "" {
		subject = dev.Anonymous
	} else if err := model.ValidateID("identity (header Aion-Identity)", subject); err != nil {
		return ports.Principal{}, err
	}
	return ports.Principal{Subject: subject, Grants: []ports.Grant{{Namespaces: "*", Role: ports.RoleAdmin}}}, nil
}

// located notes with each caller where it is.
type located struct{ ports.Authenticator }

// Authenticate implements ports.Authenticator. What is not a fault of the authentication's own is none to show.
func (l located) Authenticate(ctx context.Context, c ports.Credentials) (ports.Principal, error) {
	p, err := l.Authenticator.Authenticate(ctx, c)
	if err != nil {
		return ports.Principal{}, err
	}
	if p.Subject == "" {
		return ports.Principal{}, fault.Internalf("the authentication named no subject")
	}
	p.Peer = c.Peer
	return p, nil
}

// Close ends what the authentication does in the background.
func (l located) Close() error {
	if c, ok := l.Authenticator.(interface{ Close() }); ok {
		c.Close()
	}
	return nil
}
