// Package dev is the authentication of a developer's machine: whoever reaches the loopback interface may do everything, under
// the name that the Aion-Identity header claims. It refuses peers from elsewhere, and requests that a web page made through a
// host name of its own.
package dev

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Anonymous is the subject of a caller that claims no identity.
const Anonymous = "anonymous"

// Auth believes what loopback peers say of themselves.
type Auth struct{}

var _ ports.Authenticator = Auth{}

// Mode is "dev".
func (Auth) Mode() string { return "dev" }

// Authenticate gives the claimed identity every role in every namespace. Errors: Unauthenticated for a peer that is not on
// this machine and for a request to another host name, InvalidInput for an identity that is no valid name.
func (Auth) Authenticate(_ context.Context, c ports.Credentials) (ports.Principal, error) {
	if !loopbackPeer(c.Peer) {
		return ports.Principal{}, fault.New(fault.Unauthenticated, "peer %s is not on this machine, and auth.mode is dev", c.Peer).
			Hinted("configure auth.mode = token or jwks to serve other machines")
	}
	// A page that a browser on this machine shows can name its own host and have that name point to 127.0.0.1.
	if !loopbackHost(c.Host) {
		return ports.Principal{}, fault.New(fault.Unauthenticated, "the request is addressed to host %q, and auth.mode is dev", c.Host).
			Hinted("address the server as localhost or 127.0.0.1, or configure auth.mode = token or jwks")
	}
	subject := c.Identity
	if subject == "" {
		subject = Anonymous
	} else if err := model.ValidateID("identity (header Aion-Identity)", subject); err != nil {
		return ports.Principal{}, err
	}
	return ports.Principal{
		Subject: subject,
		Grants:  []ports.Grant{{Namespaces: "*", Role: ports.RoleAdmin}},
	}, nil
}

func loopbackPeer(peer string) bool {
	a, err := netip.ParseAddrPort(peer)
	return err == nil && a.Addr().Unmap().IsLoopback()
}

// loopbackHost accepts localhost, names under it and loopback addresses, with or without a port.
func loopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.Unmap().IsLoopback()
}
