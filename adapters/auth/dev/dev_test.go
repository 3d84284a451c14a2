package dev_test

import (
	"context"
	"testing"

	"github.com/aionrun/aion/adapters/auth/dev"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

func TestAuthenticate(t *testing.T) {
	for _, c := range []struct {
		name                 string
		peer, host, identity string
		subject              string
		reason               fault.Reason
	}{
		{name: "OK/claimed", peer: "127.0.0.1:5", host: "127.0.0.1:7470", identity: "ada", subject: "ada"},
		{name: "OK/anonymous", peer: "127.9.9.9:5", host: "localhost", subject: dev.Anonymous},
		{name: "OK/IPv6", peer: "[::1]:5", host: "[::1]:7470", identity: "ada", subject: "ada"},
		{name: "OK/IPv6 without port", peer: "[::1]:5", host: "[::1]", subject: dev.Anonymous},
		{name: "OK/mapped", peer: "[::ffff:127.0.0.1]:5", host: "LocalHost.:7470", subject: dev.Anonymous},
		{name: "OK/below localhost", peer: "127.0.0.1:5", host: "aion.localhost:7470", subject: dev.Anonymous},
		{name: "ErrUnauthenticated/other machine", peer: "10.0.0.7:5", host: "localhost", identity: "ada", reason: fault.Unauthenticated},
		{name: "ErrUnauthenticated/no address", peer: "", host: "localhost", reason: fault.Unauthenticated},
		{name: "ErrUnauthenticated/rebound name", peer: "127.0.0.1:5", host: "evil.example:7470", reason: fault.Unauthenticated},
		{name: "ErrUnauthenticated/look-alike", peer: "127.0.0.1:5", host: "notlocalhost", reason: fault.Unauthenticated},
		{name: "ErrUnauthenticated/no host", peer: "127.0.0.1:5", host: "", reason: fault.Unauthenticated},
		{name: "ErrInvalidInput/identity", peer: "127.0.0.1:5", host: "localhost", identity: "a\x00b", reason: fault.InvalidInput},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := dev.Auth{}.Authenticate(context.Background(), ports.Credentials{Peer: c.peer, Host: c.host, Identity: c.identity})
			if fault.ReasonOf(err) != c.reason {
				t.Fatalf("error %v, want reason %v", err, c.reason)
			}
			if p.Subject != c.subject {
				t.Fatalf("subject %q, want %q", p.Subject, c.subject)
			}
			if err == nil && !(p.Allows("any", ports.RoleAdmin) && p.Allows("any", ports.RoleWorker) && p.Allows("any", ports.RoleDeployer)) {
				t.Fatalf("grants %+v do not permit everything", p.Grants)
			}
		})
	}
}
