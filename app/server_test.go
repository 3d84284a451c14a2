package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	connectrpc "connectrpc.com/connect"
	"go.uber.org/goleak"

	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/app"
	"github.com/aionrun/aion/app/config"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wait ends with a signal "go".
var goOn = workflow.DefineSignal[string]("go")

var native = []workflow.Definition{
	workflow.Define("Wait", func(ctx workflow.Context, _ workflow.None) (string, error) { return goOn.Receive(ctx) }),
	workflow.Define("Now", func(workflow.Context, workflow.None) (string, error) { return "done", nil }),
}

// settings are those of a server of a test: free ports, a store in memory.
func settings(change ...func(*config.Config)) config.Config {
	c := config.Default()
	c.Server.Address, c.Server.AdminAddress = "127.0.0.1:0", "127.0.0.1:0"
	c.Store.Backend = config.BackendMemory
	for _, f := range change {
		f(&c)
	}
	return c
}

func start(t *testing.T, c config.Config, o app.Options) *app.Server {
	t.Helper()
	if o.Native == nil {
		o.Native = native
	}
	s, err := app.New(c, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// remote calls a server over the network.
func remote(t *testing.T, s *app.Server) *connect.Remote {
	t.Helper()
	c := connect.HTTPClient()
	t.Cleanup(c.CloseIdleConnections)
	return connect.NewRemote(c, "http://"+s.Address())
}

func fetch(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// All surfaces are on one port; the private port tells how the server is.
func TestServes(t *testing.T) {
	s := start(t, settings(), app.Options{Version: "v9"})
	ctx := t.Context()
	res, err := remote(t, s).Start(ctx, ports.StartRequest{Type: "Now", Wait: 10 * time.Second})
	if err != nil || string(res.Outcome.Result.Data) != `"done"` {
		t.Fatalf("Connect: %+v, %v", res, err)
	}
	for protocol, option := range map[string]connectrpc.ClientOption{"gRPC": connectrpc.WithGRPC(), "gRPC-Web": connectrpc.WithGRPCWeb(), "Connect JSON": connectrpc.WithProtoJSON()} {
		c := connect.HTTPClient()
		if runs, _, err := connect.NewRemote(c, "http://"+s.Address(), option).List(ctx, ports.ListQuery{}); err != nil || len(runs) != 1 {
			t.Errorf("%s: %v, %v", protocol, runs, err)
		}
		c.CloseIdleConnections()
	}
	if who, err := remote(t, s).WhoAmI(ctx); err != nil || who.GetServerVersion() != "v9" || who.GetAuthMode() != "dev" {
		t.Errorf("WhoAmI: %v, %v", who, err)
	}
	r, body := fetch(t, request(t, http.MethodPost, "http://"+s.Address()+"/api/v1/namespaces/default/workflow-types/Now:start?wait=10s", ""))
	if r.StatusCode != http.StatusOK || body != `"done"` {
		t.Errorf("raw start: %d %s", r.StatusCode, body)
	}
	for path, want := range map[string]string{"/healthz": "alive", "/readyz": "ready", "/metrics": "aion_runs_started_total", "/debug/pprof/": "goroutine"} {
		r, body := fetch(t, request(t, http.MethodGet, "http://"+s.AdminAddress()+path, ""))
		if r.StatusCode != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, without %q", path, r.StatusCode, want)
		}
	}
}

// A drained server takes nothing new and says that it is not ready; what waits is told to ask again.
func TestDrain(t *testing.T) {
	s := start(t, settings(), app.Options{})
	ctx := t.Context()
	r := remote(t, s)
	if _, err := r.Start(ctx, ports.StartRequest{Type: "Wait", WorkflowID: "w"}); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := r.Result(ctx, ports.ResultRequest{Ref: ports.WorkflowRef{WorkflowID: "w"}, Wait: time.Minute})
		waiting <- err
	}()
	if err := s.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	if s.Ready() {
		t.Error("ready while draining")
	}
	if res, _ := fetch(t, request(t, http.MethodGet, "http://"+s.AdminAddress()+"/readyz", "")); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d", res.StatusCode)
	}
	if _, err := r.Start(ctx, ports.StartRequest{Type: "Now"}); !fault.Has(err, fault.Draining) {
		t.Errorf("start while draining: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; err == nil {
		t.Error("a call that waited was answered as if the run had ended")
	}
}

// [C-8] An unknown outcome is reported once, and the server is not ready any more.
func TestUnknownOutcomeIsFatal(t *testing.T) {
	heard := make(chan error, 8)
	s := start(t, settings(), app.Options{Store: lossy{memory.New()}, Fatal: func(err error) { heard <- err }})
	for range 2 {
		if _, err := remote(t, s).Start(t.Context(), ports.StartRequest{Type: "Now"}); err == nil {
			t.Error("a start with an unknown outcome was acknowledged")
		}
	}
	if err := <-heard; !fault.Has(err, fault.UnknownOutcome) {
		t.Errorf("heard %v", err)
	}
	if len(heard) > 0 {
		t.Error("reported twice")
	}
	if s.Ready() {
		t.Error("still ready")
	}
}

type lossy struct{ ports.Store }

func (lossy) Append(context.Context, *ports.Append) (ports.AppendResult, error) {
	return ports.AppendResult{}, fault.New(fault.UnknownOutcome, "nobody knows")
}

// A start that fails leaves nothing open: the same ports and the same file can be used at once.
func TestFailedStartLeavesNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "aion.db")
	c := settings(func(c *config.Config) {
		c.Store.Backend, c.Store.URL = config.BackendSQLite, "file:"+file
		c.Server.Address = taken.Addr().String()
	})
	s, err := app.New(c, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "server.address (AION_SERVER__ADDRESS)") {
		t.Fatalf("start on a taken port: %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a taken port left a database")
	}
	c.Server.Address = "127.0.0.1:0"
	c.Runtime.Packages = []string{os.Args[0]} // no package: fails after the store was opened
	if s, err = app.New(c, app.Options{}); err != nil {
		t.Fatal(err)
	}
	if err = s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "runtime.packages (AION_RUNTIME__PACKAGES)") {
		t.Fatalf("start with a bad package: %v", err)
	}
	c.Runtime.Packages = nil
	start(t, c, app.Options{})
}

// What was acknowledged is there after a restart.
func TestRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "aion.db")
	c := settings(func(c *config.Config) { c.Store.Backend, c.Store.URL = config.BackendSQLite, "file:"+file })
	s := start(t, c, app.Options{})
	if _, err := remote(t, s).Start(t.Context(), ports.StartRequest{Type: "Wait", WorkflowID: "w"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = start(t, c, app.Options{})
	if s.StoreInfo().Detail != file {
		t.Errorf("store %+v", s.StoreInfo())
	}
	r := remote(t, s)
	ref := ports.WorkflowRef{WorkflowID: "w"}
	if _, err := r.Signal(t.Context(), ports.SignalRequest{Ref: ref, Name: "go", Input: model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(`"on"`)}}); err != nil {
		t.Fatal(err)
	}
	o, err := r.Result(t.Context(), ports.ResultRequest{Ref: ref, Wait: 10 * time.Second})
	if err != nil || string(o.Result.Data) != `"on"` {
		t.Errorf("result %+v, %v", o, err)
	}
}

func TestDeployDisabled(t *testing.T) {
	s := start(t, settings(func(c *config.Config) { c.Deploy.Enabled = false }), app.Options{})
	if _, err := remote(t, s).Deploy(t.Context(), ports.DeployRequest{Archive: []byte("x")}); !fault.Has(err, fault.PermissionDenied) {
		t.Errorf("deploy: %v", err)
	}
}

func TestCrossOrigin(t *testing.T) {
	s := start(t, settings(func(c *config.Config) { c.Server.CORSOrigins = []string{"https://console.example.com"} }), app.Options{})
	url := "http://" + s.Address() + "/aion.v1.OperatorService/WhoAmI"
	for origin, want := range map[string]string{"https://console.example.com": "https://console.example.com", "https://evil.example.com": ""} {
		preflight := request(t, http.MethodOptions, url, "")
		preflight.Header.Set("Origin", origin)
		preflight.Header.Set("Access-Control-Request-Method", "POST")
		preflight.Header.Set("Access-Control-Request-Headers", "content-type")
		res, _ := fetch(t, preflight)
		if got := res.Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("preflight of %s allows %q", origin, got)
		}
		call := request(t, http.MethodPost, url, "{}")
		call.Header.Set("Origin", origin)
		call.Header.Set("Content-Type", "application/json")
		if res, _ = fetch(t, call); res.Header.Get("Access-Control-Allow-Origin") != want {
			t.Errorf("a call of %s is answered for %q", origin, res.Header.Get("Access-Control-Allow-Origin"))
		}
	}
}

// With auth.allow_anonymous_non_loopback a request for another host name is let in, and a gauge tells.
func TestAnonymousAccess(t *testing.T) {
	for allowed, want := range map[bool]int{false: http.StatusUnauthorized, true: http.StatusOK} {
		s := start(t, settings(func(c *config.Config) { c.Auth.AllowAnonymousNonLoopback = allowed }), app.Options{})
		r := request(t, http.MethodPost, "http://"+s.Address()+"/aion.v1.OperatorService/WhoAmI", "{}")
		r.Host = "aion.example.com"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Aion-Identity", "ada")
		if res, body := fetch(t, r); res.StatusCode != want {
			t.Errorf("allowed %v: %d %s", allowed, res.StatusCode, body)
		} else if allowed && !strings.Contains(body, "ada") {
			t.Errorf("who: %s", body)
		}
	}
}

// TLS serves the certificate of the files, also after they changed, and asks clients for theirs where it is told to.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	first := writeCertificate(t, cert, key, time.Now().Add(-time.Hour))
	s := start(t, settings(func(c *config.Config) { c.Server.TLS = config.TLS{CertFile: cert, KeyFile: key} }), app.Options{})
	served := func() *x509.Certificate {
		c, err := tls.Dial("tcp", s.Address(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0]
	}
	if got := served(); got.SerialNumber.Cmp(first) != 0 {
		t.Errorf("served %v, want %v", got.SerialNumber, first)
	}
	second := writeCertificate(t, cert, key, time.Now())
	if got := served(); got.SerialNumber.Cmp(second) != 0 {
		t.Errorf("served %v after the files changed, want %v", got.SerialNumber, second)
	}
	if err := os.WriteFile(cert, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := served(); got.SerialNumber.Cmp(second) != 0 {
		t.Error("broken files replaced a certificate that works")
	}

	mutual := start(t, settings(func(c *config.Config) {
		writeCertificate(t, cert, key, time.Now())
		c.Server.TLS = config.TLS{CertFile: cert, KeyFile: key, ClientCAFile: cert}
	}), app.Options{})
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	if res, err := c.Get("https://" + mutual.Address()); err == nil {
		res.Body.Close()
		t.Error("a client without a certificate was let in")
	}
}

func writeCertificate(t *testing.T, certFile, keyFile string, modified time.Time) *big.Int {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial := big.NewInt(modified.UnixNano())
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "aion"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	return serial
}
