package app

import (
	"context"

	"github.com/aionrun/aion/adapters/auth/dev"
	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// authenticator gives what auth.mode names. Modes that this build lacks do not pass config.Validate.
func authenticator(c config.Auth) (ports.Authenticator, error) {
	switch {
	case c.Mode != config.AuthDev:
		return nil, config.Fault("auth.mode", "%s is not available in this build: the only mode is dev", c.Mode)
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
