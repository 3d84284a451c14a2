package jwks_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"github.com/aionrun/aion/adapters/auth/jwks"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock stands still until it is set, and then calls what is due.
type clock struct {
	mu  sync.Mutex
	now time.Time
	due map[*timer]bool
}

type timer struct {
	c  *clock
	at time.Time
	f  func()
}

func newClock() *clock {
	return &clock{now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), due: map[*timer]bool{}}
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) AfterFunc(d time.Duration, f func()) ports.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{c, c.now.Add(d), f}
	c.due[t] = true
	return t
}

func (t *timer) Stop() bool {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	was := t.c.due[t]
	delete(t.c.due, t)
	return was
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	var fire []func()
	for t := range c.due {
		if !t.at.After(c.now) {
			fire = append(fire, t.f)
			delete(c.due, t)
		}
	}
	c.mu.Unlock()
	for _, f := range fire {
		f()
	}
}

// key is a key of the issuer.
type key struct {
	id  string
	alg jose.SignatureAlgorithm
	any crypto.Signer
}

var (
	rsaKey, otherRSA = newRSA("rsa-1", 2048), newRSA("rsa-1", 2048) // of the same name: who has not the key has the name
	weakRSA          = newRSA("weak", 1024)
	ecKey            = newEC("ec-1")
)

func newRSA(id string, bits int) key {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key{id, jose.RS256, k}
}

func newEC(id string) key {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key{id, jose.ES256, k}
}

// issuer publishes keys, and counts who asks.
type issuer struct {
	*httptest.Server
	mu    sync.Mutex
	keys  []key
	down  bool
	asked atomic.Int64
}

func newIssuer(t *testing.T, keys ...key) *issuer {
	i := &issuer{keys: keys}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, i.URL, i.URL+"/keys")
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		i.asked.Add(1)
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.down {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		var set jose.JSONWebKeySet
		for _, k := range i.keys {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.any.Public(), KeyID: k.id, Use: "sig"})
		}
		b, _ := json.Marshal(set)
		// A key of a kind that nobody knows yet.
		_, _ = w.Write([]byte(strings.Replace(string(b), `"keys":[`, `"keys":[{"kty":"PQ","kid":"next"},`, 1)))
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) set(down bool, keys ...key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down, i.keys = down, keys
}

func (i *issuer) options(c *clock) jwks.Options {
	rule, err := jwks.ParseRule("groups:platform=operator@shop-*")
	if err != nil {
		panic(err)
	}
	return jwks.Options{
		Issuer: i.URL, Audiences: []string{"aion"}, Algorithms: []string{"RS256", "ES256"}, Clock: c, Log: slog.New(slog.DiscardHandler),
		Mapping: jwks.Mapping{Grants: "aion", Rules: []jwks.Rule{rule}},
	}
}

func open(t *testing.T, o jwks.Options) *jwks.Auth {
	t.Helper()
	a, err := jwks.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// claims are those of a good token, with changes; a nil takes a claim out.
func claims(i *issuer, c *clock, change map[string]any) map[string]any {
	m := map[string]any{
		"iss": i.URL, "aud": []string{"other", "aion"}, "sub": "ada", "exp": c.Now().Add(time.Hour).Unix(), "nbf": c.Now().Unix(), "iat": c.Now().Unix(),
		"groups": []string{"platform"},
	}
	maps.Copy(m, change)
	for k, v := range m {
		if v == nil {
			delete(m, k)
		}
	}
	return m
}

func sign(t *testing.T, k key, c any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: k.alg, Key: k.any}, (&jose.SignerOptions{}).WithHeader("kid", k.id))
	if err != nil {
		t.Fatal(err)
	}
	return signed(t, s, c)
}

func signed(t *testing.T, s jose.Signer, c any) string {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.Sign(b)
	if err != nil {
		t.Fatal(err)
	}
	out, err := o.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func bearer(token string) ports.Credentials {
	return ports.Credentials{Authorization: "Bearer " + token}
}

func wantReason(t *testing.T, err error, r fault.Reason, text string) {
	t.Helper()
	if !fault.Has(err, r) || !strings.Contains(err.Error(), text) {
		t.Fatalf("got %v, want %s with %q", err, r, text)
	}
}

// A token of the issuer's says who its bearer is and what it may do, whichever way the keys are found.
func TestGoodTokens(t *testing.T) {
	c := newClock()
	i := newIssuer(t, rsaKey, ecKey)
	byURL := i.options(c)
	byURL.URL = i.URL + "/keys"
	for name, o := range map[string]jwks.Options{"discovery": i.options(c), "URL": byURL} {
		a := open(t, o)
		for _, k := range []key{rsaKey, ecKey} {
			for range 2 { // the second time from memory
				p, err := a.Authenticate(t.Context(), bearer(sign(t, k, claims(i, c, nil))))
				if err != nil || p.Subject != "ada" || !p.Allows("shop-eu", ports.RoleStarter) || p.Sees("bank") || !p.Expires.Equal(c.Now().Add(time.Hour)) {
					t.Errorf("%s, %s: %+v, %v", name, k.id, p, err)
				}
			}
		}
		nameless := ecKey
		nameless.id = ""
		if _, err := a.Authenticate(t.Context(), bearer(sign(t, nameless, claims(i, c, nil)))); err != nil {
			t.Errorf("%s, without kid: %v", name, err)
		}
	}
}

// [SEC-6] What is not signed by the issuer, for this server, for now, is refused.
func TestHostileTokens(t *testing.T) {
	c := newClock()
	i := newIssuer(t, rsaKey, ecKey, weakRSA)
	o := i.options(c)
	o.Skew = 30 * time.Second
	a := open(t, o)
	b64 := base64.RawURLEncoding.EncodeToString
	plain, err := json.Marshal(claims(i, c, nil))
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(rsaKey.any.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	confused := func(secret []byte) string {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: secret}, (&jose.SignerOptions{}).WithHeader("kid", rsaKey.id))
		if err != nil {
			t.Fatal(err)
		}
		return signed(t, s, claims(i, c, nil))
	}
	embedded := func() string {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: otherRSA.any}, &jose.SignerOptions{EmbedJWK: true})
		if err != nil {
			t.Fatal(err)
		}
		return signed(t, s, claims(i, c, nil))
	}
	good := sign(t, rsaKey, claims(i, c, nil))
	parts := strings.Split(good, ".")
	psKey := rsaKey
	psKey.alg = jose.PS256
	with := func(change map[string]any) string { return sign(t, rsaKey, claims(i, c, change)) }
	at := func(d time.Duration) int64 { return c.Now().Add(d).Unix() }
	for name, token := range map[string]string{
		"alg none":                      b64([]byte(`{"alg":"none","kid":"rsa-1"}`)) + "." + b64(plain) + ".",
		"alg None":                      b64([]byte(`{"alg":"None"}`)) + "." + b64(plain) + ".",
		"alg none, old signature":       b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + "." + parts[2],
		"HS256 with the public PEM":     confused(public),
		"HS256 with the public DER":     confused(der),
		"HS256 with the modulus":        confused(rsaKey.any.Public().(*rsa.PublicKey).N.Bytes()),
		"an algorithm that is not ours": sign(t, psKey, claims(i, c, nil)),
		"another's key of the name":     sign(t, otherRSA, claims(i, c, nil)),
		"a key that it brings along":    embedded(),
		"a weak key":                    sign(t, weakRSA, claims(i, c, nil)),
		"no signature":                  parts[0] + "." + parts[1] + ".",
		"changed claims":                parts[0] + "." + b64(plain[:len(plain)-1]) + "." + parts[2],
		"wrong iss":                     with(map[string]any{"iss": "https://evil.example.com"}),
		"no iss":                        with(map[string]any{"iss": nil}),
		"iss with a slash":              with(map[string]any{"iss": i.URL + "/"}),
		"wrong aud":                     with(map[string]any{"aud": "other"}),
		"part of aud":                   with(map[string]any{"aud": "aion2"}),
		"no aud":                        with(map[string]any{"aud": nil}),
		"aud is a number":               with(map[string]any{"aud": 7}),
		"future nbf":                    with(map[string]any{"nbf": at(time.Minute)}),
		"future iat":                    with(map[string]any{"iat": at(time.Minute)}),
		"nbf is a text":                 with(map[string]any{"nbf": "soon"}),
		"expired by 1 s beyond skew":    with(map[string]any{"exp": at(-31 * time.Second)}),
		"expired just at the skew":      with(map[string]any{"exp": at(-30 * time.Second)}),
		"no exp":                        with(map[string]any{"exp": nil}),
		"exp is a text":                 with(map[string]any{"exp": "never"}),
		"exp is negative":               with(map[string]any{"exp": -1}),
		"no sub":                        with(map[string]any{"sub": nil}),
		"sub is a list":                 with(map[string]any{"sub": []string{"ada"}}),
		"sub with a line break":         with(map[string]any{"sub": "ada\nroot"}),
		"grants of an unknown role":     with(map[string]any{"aion": []string{"root@*"}}),
		"grants of a bad pattern":       with(map[string]any{"aion": map[string]any{"*shop": "reader"}}),
		"grants as a number":            with(map[string]any{"aion": 1}),
		"no JWT":                        "aion_0123456789",
		"empty parts":                   "..",
		"no JSON":                       b64([]byte("x")) + ".x.x",
		"claims are a list":             sign(t, rsaKey, []int{1}),
	} {
		t.Run(name, func(t *testing.T) {
			p, err := a.Authenticate(t.Context(), bearer(token))
			if !fault.Has(err, fault.Unauthenticated) {
				t.Fatalf("got %+v, %v", p, err)
			}
		})
	}
	if _, err := a.Authenticate(t.Context(), bearer(good)); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	for name, token := range map[string]string{
		"expired within the skew": with(map[string]any{"exp": at(-29 * time.Second)}),
		"nbf within the skew":     with(map[string]any{"nbf": at(30 * time.Second)}),
	} {
		if _, err := a.Authenticate(t.Context(), bearer(token)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// From memory too a token ends at its end.
	c.advance(time.Hour + 30*time.Second)
	_, err = a.Authenticate(t.Context(), bearer(good))
	wantReason(t, err, fault.Unauthenticated, "expired")

	strict := open(t, i.options(c)) // without skew
	_, err = strict.Authenticate(t.Context(), bearer(with(map[string]any{"exp": at(-time.Second)})))
	wantReason(t, err, fault.Unauthenticated, "expired")
}

// Ten thousand tokens with invented keys make the server ask the issuer a few times, not ten thousand.
func TestUnknownKeys(t *testing.T) {
	c := newClock()
	i := newIssuer(t, ecKey)
	a := open(t, i.options(c))
	token := strings.Split(sign(t, ecKey, claims(i, c, nil)), ".")
	good := strings.Join(token, ".")
	var wg sync.WaitGroup
	for w := range 10 {
		wg.Go(func() {
			for n := range 1000 {
				head := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"ES256","kid":"invented-%d-%d"}`, w, n))
				if _, err := a.Authenticate(t.Context(), bearer(head+"."+token[1]+"."+token[2])); !fault.Has(err, fault.Unauthenticated) {
					t.Errorf("got %v", err)
					return
				}
				if n%100 == 0 {
					if _, err := a.Authenticate(t.Context(), bearer(good)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := i.asked.Load(); n > 2 {
		t.Errorf("the issuer was asked %d times within one moment", n)
	}
	c.advance(20 * time.Second)
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"invented"}`))
	for range 100 {
		_, _ = a.Authenticate(t.Context(), bearer(head+"."+token[1]+"."+token[2]))
	}
	if n := i.asked.Load(); n < 2 || n > 3 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

// [SEC-6] Keys come and go without a restart: a new one with the first token that it signed, an old one with the next refresh.
func TestRotation(t *testing.T) {
	c := newClock()
	i := newIssuer(t, ecKey)
	a := open(t, i.options(c))
	old := sign(t, ecKey, claims(i, c, map[string]any{"exp": c.Now().Add(24 * time.Hour).Unix()}))
	next := newEC("ec-2")
	c.advance(time.Minute)
	i.set(false, ecKey, next)
	fresh := sign(t, next, claims(i, c, map[string]any{"exp": c.Now().Add(24 * time.Hour).Unix()}))
	for _, token := range []string{old, fresh} {
		if _, err := a.Authenticate(t.Context(), bearer(token)); err != nil {
			t.Fatal(err)
		}
	}
	i.set(false, next)
	c.advance(10 * time.Minute) // the refresh
	if _, err := a.Authenticate(t.Context(), bearer(fresh)); err != nil {
		t.Fatal(err)
	}
	_, err := a.Authenticate(t.Context(), bearer(old))
	wantReason(t, err, fault.Unauthenticated, "a key that the issuer does not have")

	// An issuer that is down takes nobody's access away; what nobody can check is not refused for good.
	i.set(true, next)
	c.advance(10 * time.Minute)
	if _, err := a.Authenticate(t.Context(), bearer(fresh)); err != nil {
		t.Fatal(err)
	}
	c.advance(30 * time.Second)
	_, err = a.Authenticate(t.Context(), bearer(sign(t, newEC("ec-3"), claims(i, c, nil))))
	wantReason(t, err, fault.Unavailable, "the issuer cannot be asked")
	// It is tried again sooner than usual.
	third := newEC("ec-4")
	i.set(false, next, third)
	before := i.asked.Load()
	c.advance(time.Minute)
	if i.asked.Load() == before {
		t.Error("a refresh that failed was not tried again")
	}
}

// A server that has no keys to begin with does not begin.
func TestFirstFetch(t *testing.T) {
	c := newClock()
	i := newIssuer(t, ecKey)
	for name, change := range map[string]func(*jwks.Options){
		"down":         func(*jwks.Options) { i.set(true) },
		"no keys":      func(*jwks.Options) { i.set(false) },
		"weak keys":    func(*jwks.Options) { i.set(false, weakRSA) },
		"other issuer": func(o *jwks.Options) { i.set(false, ecKey); o.Issuer += "/" },
		"no document":  func(o *jwks.Options) { o.Issuer += "/nothing" },
		"nobody":       func(o *jwks.Options) { o.URL = "http://127.0.0.1:1/keys" },
	} {
		o := i.options(c)
		change(&o)
		_, err := jwks.Open(t.Context(), o)
		if !fault.Has(err, fault.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := i.options(c)
	o.Algorithms = []string{"HS256"}
	_, err := jwks.Open(t.Context(), o)
	wantReason(t, err, fault.InvalidInput, "never accepted")
}

func TestMapping(t *testing.T) {
	c := newClock()
	i := newIssuer(t, ecKey)
	for name, v := range map[string]struct {
		mapping jwks.Mapping
		rules   []string
		claims  map[string]any
		want    string
	}{
		"list":          {jwks.Mapping{Grants: "aion"}, nil, map[string]any{"aion": []string{"reader@shop", "worker@shop-*"}}, "[{shop reader} {shop-* worker}]"},
		"one":           {jwks.Mapping{Grants: "aion"}, nil, map[string]any{"aion": "admin@*"}, "[{* admin}]"},
		"object":        {jwks.Mapping{Grants: "aion"}, nil, map[string]any{"aion": map[string]any{"shop": []string{"reader", "worker"}}}, "[{shop reader} {shop worker}]"},
		"path":          {jwks.Mapping{Grants: "access.aion"}, nil, map[string]any{"access": map[string]any{"aion": "reader@shop"}}, "[{shop reader}]"},
		"dotted name":   {jwks.Mapping{Grants: "https://x.example/aion"}, nil, map[string]any{"https://x.example/aion": "reader@shop"}, "[{shop reader}]"},
		"rule on scope": {jwks.Mapping{}, []string{"scope:aion.read=reader@*"}, map[string]any{"scope": "openid aion.read"}, "[{* reader}]"},
		"rule on path":  {jwks.Mapping{}, []string{"realm_access.roles:ops=operator@*"}, map[string]any{"realm_access": map[string]any{"roles": []string{"ops"}}}, "[{* operator}]"},
		"rule misses":   {jwks.Mapping{}, []string{"groups:plat=admin@*", "groups:platform2=admin@*"}, nil, "[]"},
		"value with :":  {jwks.Mapping{}, []string{"groups:urn:x=y=reader@*"}, map[string]any{"groups": "urn:x=y"}, "[{* reader}]"},
		"both, once":    {jwks.Mapping{Grants: "aion"}, []string{"sub:ada=reader@a"}, map[string]any{"aion": "reader@a"}, "[{a reader}]"},
		"subject":       {jwks.Mapping{Subject: "email"}, nil, map[string]any{"email": "ada@example.com"}, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			o := i.options(c)
			o.Mapping = v.mapping
			for _, text := range v.rules {
				r, err := jwks.ParseRule(text)
				if err != nil {
					t.Fatal(err)
				}
				o.Mapping.Rules = append(o.Mapping.Rules, r)
			}
			p, err := open(t, o).Authenticate(t.Context(), bearer(sign(t, ecKey, claims(i, c, v.claims))))
			if err != nil || fmt.Sprint(p.Grants) != v.want {
				t.Errorf("got %v, %v, want %s", p.Grants, err, v.want)
			}
			if name == "subject" && p.Subject != "ada@example.com" {
				t.Errorf("subject %q", p.Subject)
			}
		})
	}
	for _, text := range []string{"", "a", "a:b", ":b=reader@*", "a:=reader@*", "a:b=reader", "a:b=root@*", "a:b=reader@Shop"} {
		if _, err := jwks.ParseRule(text); !fault.Has(err, fault.InvalidInput) {
			t.Errorf("rule %q: %v", text, err)
		}
	}
}
