package token

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// lookAgain is how often the file is looked at, at most and only while somebody asks: a revoked token is refused that long after.
const lookAgain = time.Second

// Auth believes the bearers of the tokens in a file, which it reads again when it changes. A file that cannot be used leaves the tokens
// before it in use, and is complained about in the log. Safe for concurrent use.
type Auth struct {
	path  string
	clock ports.Clock
	log   *slog.Logger

	mu       sync.RWMutex
	bearers  map[[sha256.Size]byte]bearer
	looked   time.Time
	modified stamp
}

type bearer struct {
	ports.Principal
	id string
}

// stamp tells one state of a file from another.
type stamp struct {
	at   time.Time
	size int64
}

var _ ports.Authenticator = (*Auth)(nil)

// Open reads the file. Errors: InvalidInput, NotFound.
func Open(path string, clock ports.Clock, log *slog.Logger) (*Auth, error) {
	a := &Auth{path: path, clock: clock, log: log, looked: clock.Now(), modified: stampOf(path)}
	var err error
	if a.bearers, err = load(path); err != nil {
		return nil, err
	}
	return a, nil
}

func load(path string) (map[[sha256.Size]byte]bearer, error) {
	all, err := Read(path)
	if err != nil {
		return nil, err
	}
	out := make(map[[sha256.Size]byte]bearer, len(all))
	for _, e := range all {
		var sum [sha256.Size]byte
		if _, err := hex.Decode(sum[:], []byte(e.SHA256)); err != nil {
			return nil, fault.Wrap(fault.InvalidInput, err, "sha256 of token %s", e.ID)
		}
		p, err := e.principal()
		if err != nil {
			return nil, err
		}
		out[sum] = bearer{p, e.ID}
	}
	return out, nil
}

func stampOf(path string) stamp {
	info, err := os.Stat(path) // follows links, also those that a mounted secret swaps
	if err != nil {
		return stamp{}
	}
	return stamp{info.ModTime(), info.Size()}
}

// Mode is "token".
func (*Auth) Mode() string { return "token" }

// Authenticate finds the bearer of the token. Errors: Unauthenticated for none, an unknown one and one that has expired.
func (a *Auth) Authenticate(_ context.Context, c ports.Credentials) (ports.Principal, error) {
	token, err := c.Bearer()
	if err != nil {
		return ports.Principal{}, err
	}
	now := a.clock.Now()
	a.refresh(now)
	// What is looked up is a digest: how long that takes says nothing of the tokens.
	sum := sha256.Sum256([]byte(token))
	a.mu.RLock()
	b, ok := a.bearers[sum]
	a.mu.RUnlock()
	switch {
	case !ok && strings.Count(token, ".") == 2:
		return ports.Principal{}, fault.New(fault.Unauthenticated, "the token is not known; it looks like a JWT, and auth.mode is token").
			Hinted("use a token of aion token create, or configure auth.mode = jwks")
	case !ok:
		return ports.Principal{}, fault.New(fault.Unauthenticated, "the token is not known: it was never made, or is revoked").
			Hinted("aion token create makes one")
	case !b.Expires.IsZero() && !now.Before(b.Expires):
		return ports.Principal{}, fault.New(fault.Unauthenticated, "the token %s expired at %s", b.id, b.Expires.UTC().Format(time.RFC3339)).
			Hinted("aion token create makes a new one")
	}
	return b.Principal, nil
}

// refresh reads the file anew when it has changed since it was looked at.
func (a *Auth) refresh(now time.Time) {
	a.mu.RLock()
	due := now.Sub(a.looked) >= lookAgain || now.Before(a.looked)
	a.mu.RUnlock()
	if !due {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if since := now.Sub(a.looked); since >= 0 && since < lookAgain {
		return
	}
	a.looked = now
	s := stampOf(a.path)
	if s == a.modified {
		return
	}
	a.modified = s
	fresh, err := load(a.path)
	if err != nil {
		a.log.Error("the tokens file has changed and cannot be used: the tokens before it stay valid", "file", a.path, "error", err)
		return
	}
	a.bearers = fresh
	a.log.Info("read the tokens file again", "file", a.path, "tokens", len(fresh))
}
