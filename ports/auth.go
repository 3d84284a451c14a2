package ports

import (
	"context"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/model"
)

// Credentials is what a request says about its sender. Nothing in it is checked yet.
type Credentials struct {
	Authorization string // the Authorization header as it came
	Identity      string // the Aion-Identity header: a claim without proof, which only development believes
	Peer          string // network address of the peer, host:port
	Host          string // the host that the request was addressed to, with or without a port
}

// Authenticator turns credentials into a principal. Safe for concurrent use.
type Authenticator interface {
	// Mode names the kind of authentication: "dev", "token" or "jwks".
	Mode() string
	// Authenticate says who sends a request. Errors: Unauthenticated (no, expired or wrong credentials; the hint says what is
	// expected), Unavailable (they cannot be checked now).
	Authenticate(ctx context.Context, c Credentials) (Principal, error)
}

// Principal is an authenticated caller.
type Principal struct {
	Subject string // who it is, recorded with what it changes
	Grants  []Grant
	Expires time.Time // when the credentials end, and with them every stream that was opened with them; zero = never
	Peer    string    // where the caller is, host:port; "" where nobody said
}

// Role is what a grant permits. Reader < Starter < Operator < Admin: each includes the ones before it. RoleWorker and
// RoleDeployer stand beside them: only they themselves, and Admin, include them.
type Role uint8

// The roles.
const (
	RoleReader Role = iota + 1
	RoleStarter
	RoleOperator
	RoleAdmin
	RoleWorker
	RoleDeployer
)

// Grant gives a role in the namespaces that match a pattern: a name, or the beginning of one followed by '*'.
type Grant struct {
	Namespaces string
	Role       Role
}

// Includes says whether holding role r permits what needs role need.
func (r Role) Includes(need Role) bool {
	switch {
	case r == need, r == RoleAdmin:
		return r != 0 && need != 0
	case r > RoleAdmin, need > RoleAdmin:
		return false
	}
	return need != 0 && r > need
}

// Allows says whether one of the principal's grants permits, in ns, what needs role need.
func (p Principal) Allows(ns model.Namespace, need Role) bool {
	for _, g := range p.Grants {
		if g.Role.Includes(need) && g.matches(string(ns)) {
			return true
		}
	}
	return false
}

func (g Grant) matches(ns string) bool {
	if head, ok := strings.CutSuffix(g.Namespaces, "*"); ok {
		return strings.HasPrefix(ns, head)
	}
	return g.Namespaces == ns
}

type principalKey struct{}

// WithPrincipal puts the caller into the context. Transports do this for every request before they call the service.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom gives the caller; ok is false in a context that no transport made, such as an embedder's own.
func PrincipalFrom(ctx context.Context) (p Principal, ok bool) {
	p, ok = ctx.Value(principalKey{}).(Principal)
	return p, ok
}
