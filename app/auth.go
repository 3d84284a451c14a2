package app

import (
	"context"
	"log/slog"

	"github.com/aionrun/aion/adapters/auth/dev"
	"github.com/aionrun/aion/adapters/auth/token"
	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// openAuth gives what auth.mode names. Its errors name the key.
func openAuth(c config.Auth, clock ports.Clock, log *slog.Logger) (ports.Authenticator, error) {
	switch {
	case c.Mode == config.AuthToken:
		a, err := token.Open(c.TokensFile, clock, log)
		if err != nil {
			f := config.Fault("auth.tokens_file", "the tokens cannot be used")
			f.Err = err
			return nil, f
		}
		return a, nil
	case c.Mode != config.AuthDev:
		return nil, config.Fault("auth.mode", "%s is not available in this build: the modes are dev and token", c.Mode)
	case c.AllowAnonymousNonLoopback:
		return anybody{}, nil
	}
	return dev.Auth{}, nil
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
