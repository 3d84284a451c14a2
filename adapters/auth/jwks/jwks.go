package jwks

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Options say which tokens are believed. Algorithms and Audiences must not be empty, and one of URL and Issuer.
type Options struct {
	URL        string        // of the keys; "" = what the issuer's discovery document names
	Issuer     string        // iss must be this; "" = iss is not looked at
	Audiences  []string      // aud must hold one of them
	Algorithms []string      // alg must be one of them; asymmetric ones only
	Skew       time.Duration // how far the issuer's clock may be off
	Refresh    time.Duration // how often the keys are fetched anew; 0 = 10 minutes
	Mapping    Mapping

	Client *http.Client // nil = one that follows no redirects out of TLS
	Clock  ports.Clock
	Log    *slog.Logger
}

// Auth believes JWTs that are signed with the issuer's keys. Safe for concurrent use.
type Auth struct {
	opt    Options
	end    context.CancelFunc
	algs   []jose.SignatureAlgorithm
	source source

	mu       sync.Mutex
	verified map[[sha256.Size]byte]ports.Principal // tokens whose signature and claims were checked, under the current keys
	timer    ports.Timer
	closed   bool
}

var _ ports.Authenticator = (*Auth)(nil)

// maxVerified bounds the memory of checked tokens.
const maxVerified = 4096

// Open fetches the keys. Errors: InvalidInput (the options cannot work), Unavailable (the keys cannot be fetched). Close the answer.
func Open(ctx context.Context, o Options) (*Auth, error) {
	if o.Refresh <= 0 {
		o.Refresh = 10 * time.Minute
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: fetchTimeout, CheckRedirect: noDowngrade}
	}
	if o.URL == "" && o.Issuer == "" || len(o.Algorithms) == 0 || len(o.Audiences) == 0 {
		return nil, fault.Invalidf("an issuer or a URL of keys, algorithms and audiences are needed")
	}
	a := &Auth{opt: o, source: source{url: o.URL, issuer: o.Issuer, client: o.Client}, verified: map[[sha256.Size]byte]ports.Principal{}}
	for _, alg := range o.Algorithms {
		if alg == "none" || strings.HasPrefix(alg, "HS") {
			return nil, fault.Invalidf("the algorithm %s needs no key of the issuer's: it is never accepted", alg)
		}
		a.algs = append(a.algs, jose.SignatureAlgorithm(alg))
	}
	a.source.life, a.end = context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, a.end)() // while it opens, and no longer
	if _, err := a.source.refresh(ctx, o.Clock.Now()); err != nil {
		a.end()
		return nil, fault.Wrap(fault.Unavailable, err, "the keys cannot be fetched")
	}
	a.arm(o.Refresh)
	return a, nil
}

// Close stops the timer, and a fetch that is under way.
func (a *Auth) Close() {
	a.end()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.timer != nil {
		a.timer.Stop()
	}
}

func (a *Auth) arm(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	a.timer = a.opt.Clock.AfterFunc(d, func() {
		if err := a.refresh(a.source.life); err != nil {
			a.opt.Log.Error("the keys of JWTs cannot be refreshed: the ones from before stay in use", "error", err)
			a.arm(min(retryPause, a.opt.Refresh))
			return
		}
		a.arm(a.opt.Refresh)
	})
}

func (a *Auth) refresh(ctx context.Context) error {
	changed, err := a.source.refresh(ctx, a.opt.Clock.Now())
	if changed {
		a.mu.Lock()
		clear(a.verified) // a key may be gone
		a.mu.Unlock()
		a.opt.Log.Info("the keys of JWTs have changed")
	}
	return err
}

// Mode is "jwks".
func (*Auth) Mode() string { return "jwks" }

// Authenticate checks the token's signature and claims. Errors: Unauthenticated (the message says which claim), Unavailable (the token's
// key is not known, and the issuer does not answer).
func (a *Auth) Authenticate(ctx context.Context, c ports.Credentials) (ports.Principal, error) {
	token, err := c.Bearer()
	if err != nil {
		return ports.Principal{}, err
	}
	now, sum := a.opt.Clock.Now(), sha256.Sum256([]byte(token))
	a.mu.Lock()
	p, ok := a.verified[sum]
	a.mu.Unlock()
	if ok && now.Before(p.Expires) {
		return p, nil
	}
	if p, err = a.check(ctx, token, now); err != nil {
		return ports.Principal{}, err
	}
	a.mu.Lock()
	if len(a.verified) >= maxVerified {
		clear(a.verified)
	}
	a.verified[sum] = p
	a.mu.Unlock()
	return p, nil
}

func refused(format string, a ...any) *fault.Error {
	return fault.New(fault.Unauthenticated, format, a...).Hinted("ask the issuer for a new token that is meant for this server")
}

func (a *Auth) check(ctx context.Context, token string, now time.Time) (ports.Principal, error) {
	parsed, err := jwt.ParseSigned(token, a.algs)
	if err != nil || len(parsed.Headers) != 1 {
		return ports.Principal{}, refused("the token is no JWT that is signed with %s", strings.Join(a.opt.Algorithms, " or "))
	}
	head := parsed.Headers[0]
	keys, err := a.find(ctx, head.KeyID, head.Algorithm)
	if errors.Is(err, errNoKey) {
		return ports.Principal{}, refused("the token is signed with a key that the issuer does not have")
	}
	if err != nil {
		return ports.Principal{}, err
	}
	var raw json.RawMessage
	for _, k := range keys {
		// Only keys that were fetched count: what the token brings along (jwk, jku, x5u) is not looked at.
		if err = parsed.Claims(k.Key, &raw); err == nil {
			break
		}
	}
	if err != nil {
		return ports.Principal{}, refused("the token's signature is not valid")
	}
	claims := map[string]any{}
	if err := json.Unmarshal(raw, &claims); err != nil {
		return ports.Principal{}, refused("the token holds no claims")
	}
	return a.principal(claims, now)
}

// principal checks the claims and maps them.
func (a *Auth) principal(claims map[string]any, now time.Time) (ports.Principal, error) {
	if iss, _ := claims["iss"].(string); a.opt.Issuer != "" && iss != a.opt.Issuer {
		return ports.Principal{}, refused("the token is of the issuer %q, not of %q", iss, a.opt.Issuer)
	}
	if !slices.ContainsFunc(texts(claims["aud"]), func(aud string) bool { return slices.Contains(a.opt.Audiences, aud) }) {
		return ports.Principal{}, refused("the token is not meant for this server: its aud holds none of %s", strings.Join(a.opt.Audiences, ", "))
	}
	exp, ok, err := date(claims, "exp")
	if err != nil || !ok {
		return ports.Principal{}, refused("the token does not say when it ends: it needs a valid exp")
	}
	end := exp.Add(a.opt.Skew)
	if !now.Before(end) {
		return ports.Principal{}, refused("the token expired at %s", exp.UTC().Format(time.RFC3339))
	}
	for _, name := range []string{"nbf", "iat"} {
		from, ok, err := date(claims, name)
		if err != nil {
			return ports.Principal{}, refused("the token's %s is not valid", name)
		}
		if ok && now.Add(a.opt.Skew).Before(from) {
			return ports.Principal{}, refused("the token is not valid before %s (%s)", from.UTC().Format(time.RFC3339), name)
		}
	}
	subject, _ := find(claims, a.opt.Mapping.subject()).(string)
	if err := model.ValidateID("subject (claim "+a.opt.Mapping.subject()+")", subject); err != nil {
		return ports.Principal{}, fault.Wrap(fault.Unauthenticated, err, "the token does not say whose it is").
			Hinted("set auth.jwks.subject_claim to a claim that does")
	}
	grants, err := a.opt.Mapping.grants(claims)
	if err != nil {
		return ports.Principal{}, err
	}
	return ports.Principal{Subject: subject, Grants: grants, Expires: end}, nil
}

// date reads a time of a claim, in seconds since 1970.
func date(claims map[string]any, name string) (t time.Time, ok bool, err error) {
	v, ok := claims[name]
	if !ok {
		return t, false, nil
	}
	n, is := v.(float64)
	if !is || math.IsNaN(n) || n < 0 || n > 1<<40 {
		return t, true, fmt.Errorf("%s is no date", name)
	}
	return time.Unix(int64(n), 0), true, nil
}

// texts reads a claim that is a text or a list of them.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
