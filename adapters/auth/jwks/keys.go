package jwks

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/aionrun/aion/domain/fault"
)

const (
	fetchTimeout = 10 * time.Second
	maxDocument  = 1 << 20
	maxKeys      = 100
	// unknownKeyPause is how long after a fetch another one for an unknown key is refused: whoever sends tokens with invented keys makes the
	// server ask the issuer no more often than this.
	unknownKeyPause = 15 * time.Second
	// retryPause is when a refresh that failed is tried again.
	retryPause = time.Minute
)

// keySet is what was fetched last.
type keySet struct {
	byID map[string]jose.JSONWebKey
	all  []jose.JSONWebKey
}

// source fetches keys, one fetch at a time.
type source struct {
	url, issuer string
	client      *http.Client
	life        context.Context // ends with the authentication: fetches end with it

	mu      sync.Mutex
	current keySet
	fetched time.Time     // when the last fetch began, successful or not
	running chan struct{} // closed when the fetch that is under way has ended; nil without one
	failed  error         // of the last fetch
}

// noDowngrade follows redirects, but not out of TLS.
func noDowngrade(req *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return errors.New("too many redirects")
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fmt.Errorf("redirected from https to %s", req.URL.Redacted())
	}
	return nil
}

// get asks for a JSON document.
func (s *source) get(ctx context.Context, url string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", url, err)
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("%s answers %s", url, res.Status)
	case len(b) > maxDocument:
		return fmt.Errorf("%s answers with more than %d bytes", url, maxDocument)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s answers no such document: %w", url, err)
	}
	return nil
}

// load fetches the keys, through the issuer's discovery document where no URL of keys is given.
func (s *source) load(ctx context.Context) (keySet, error) {
	url := s.url
	if url == "" {
		var d struct {
			Issuer  string `json:"issuer"`
			JWKSURI string `json:"jwks_uri"`
		}
		at := strings.TrimSuffix(s.issuer, "/") + "/.well-known/openid-configuration"
		if err := s.get(ctx, at, &d); err != nil {
			return keySet{}, err
		}
		if d.Issuer != s.issuer {
			return keySet{}, fmt.Errorf("%s is about the issuer %q, not %q: they must be the same to the letter", at, d.Issuer, s.issuer)
		}
		if url = d.JWKSURI; url == "" {
			return keySet{}, fmt.Errorf("%s names no jwks_uri", at)
		}
	}
	// Keys of a kind that is not known here are passed over, not the whole set with them.
	var doc struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.get(ctx, url, &doc); err != nil {
		return keySet{}, err
	}
	out := keySet{byID: map[string]jose.JSONWebKey{}}
	for _, raw := range doc.Keys {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(raw) != nil || !usable(k) {
			continue
		}
		if len(out.all) == maxKeys {
			return keySet{}, fmt.Errorf("%s has more than %d keys", url, maxKeys)
		}
		out.all = append(out.all, k)
		if k.KeyID != "" {
			out.byID[k.KeyID] = k
		}
	}
	if len(out.all) == 0 {
		return keySet{}, fmt.Errorf("%s has no key for signatures among its %d keys", url, len(doc.Keys))
	}
	return out, nil
}

// usable says whether a key may verify: public, for signatures, and strong enough.
func usable(k jose.JSONWebKey) bool {
	if !k.Valid() || !k.IsPublic() || k.Use != "" && k.Use != "sig" {
		return false
	}
	if r, ok := k.Key.(*rsa.PublicKey); ok && r.N.BitLen() < 2048 {
		return false
	}
	return true
}

// refresh fetches the keys; of several callers at a time one does, and the others wait for it. changed says that they are others than before.
func (s *source) refresh(ctx context.Context, now time.Time) (changed bool, err error) {
	s.mu.Lock()
	if running := s.running; running != nil {
		s.mu.Unlock()
		select {
		case <-running:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return false, s.failed
	}
	s.running, s.fetched = make(chan struct{}), now
	s.mu.Unlock()
	// A caller that gives up must not fail the others.
	fresh, err := s.load(s.life)
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.running)
	s.running, s.failed = nil, err
	if err != nil {
		return false, err
	}
	changed = !reflect.DeepEqual(fresh, s.current)
	s.current = fresh
	return changed, nil
}

// candidates gives the keys that may have signed a token, and says whether its key is unknown.
func (s *source) candidates(kid, alg string) (keys []jose.JSONWebKey, unknown bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kid != "" {
		k, ok := s.current.byID[kid]
		if !ok {
			return nil, true
		}
		if k.Algorithm != "" && k.Algorithm != alg {
			return nil, false
		}
		return []jose.JSONWebKey{k}, false
	}
	for _, k := range s.current.all {
		if k.Algorithm == "" || k.Algorithm == alg {
			keys = append(keys, k)
		}
	}
	return keys, false
}

// mayAsk says whether an unknown key is worth a fetch now.
func (s *source) mayAsk(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	since := now.Sub(s.fetched)
	return s.running != nil || since >= unknownKeyPause || since < 0
}

var errNoKey = errors.New("no key")

// find gives the keys that may have signed a token. Errors: Unauthenticated, Unavailable.
func (a *Auth) find(ctx context.Context, kid, alg string) ([]jose.JSONWebKey, error) {
	keys, unknown := a.source.candidates(kid, alg)
	if unknown && a.source.mayAsk(a.opt.Clock.Now()) {
		if err := a.refresh(ctx); err != nil {
			return nil, fault.Wrap(fault.Unavailable, err, "the token is signed with a key that is not known, and the issuer cannot be asked for it").
				Hinted("try again; the server's log says more")
		}
		keys, _ = a.source.candidates(kid, alg)
	}
	if len(keys) == 0 {
		return nil, errNoKey
	}
	return keys, nil
}
