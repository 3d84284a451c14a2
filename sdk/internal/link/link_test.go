package link_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/sdk/internal/link"
)

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings link.Settings
		env      map[string]string
		url, err string
		ns, auth string
	}{
		{name: "OK/defaults", url: "http://127.0.0.1:7470", ns: "default"},
		{name: "OK/given", settings: link.Settings{Address: "aion:1", Namespace: "shop", Token: "t"}, url: "http://aion:1", ns: "shop", auth: "Bearer t"},
		{name: "OK/environment", env: map[string]string{"AION_ADDRESS": "aion:2", "AION_NAMESPACE": "play", "AION_TOKEN": "u"}, url: "http://aion:2", ns: "play", auth: "Bearer u"},
		{name: "OK/given before environment", settings: link.Settings{Address: "aion:1", Namespace: "shop", Token: "t"},
			env: map[string]string{"AION_ADDRESS": "aion:2", "AION_NAMESPACE": "play", "AION_TOKEN": "u"}, url: "http://aion:1", ns: "shop", auth: "Bearer t"},
		{name: "OK/https", settings: link.Settings{Address: "https://aion.example/"}, url: "https://aion.example", ns: "default"},
		{name: "OK/no port", settings: link.Settings{Address: "localhost"}, url: "http://localhost:7470", ns: "default"},
		{name: "OK/IPv6", settings: link.Settings{Address: "[::1]"}, url: "http://[::1]:7470", ns: "default"},
		{name: "OK/TLS makes it https", settings: link.Settings{Address: "aion:1", TLS: &tls.Config{MinVersion: tls.VersionTLS12}}, url: "https://aion:1", ns: "default"},
		{name: "OK/TLS by environment", env: map[string]string{"AION_TLS_SERVER_NAME": "x"}, url: "https://127.0.0.1:7470", ns: "default"},
		{name: "Err/path", settings: link.Settings{Address: "http://aion:1/x"}, err: "AION_ADDRESS"},
		{name: "Err/scheme", settings: link.Settings{Address: "ftp://aion:1"}, err: "AION_ADDRESS"},
		{name: "Err/host", settings: link.Settings{Address: ":::"}, err: "AION_ADDRESS"},
		{name: "Err/plain with TLS", settings: link.Settings{Address: "http://aion:1"}, env: map[string]string{"AION_TLS_SERVER_NAME": "x"}, err: "AION_TLS_"},
		{name: "Err/token", settings: link.Settings{Token: "t\n"}, err: "AION_TOKEN"},
		{name: "Err/identity", settings: link.Settings{Identity: "a\nb"}, err: "identity"},
		{name: "Err/CA", env: map[string]string{"AION_TLS_CA_FILE": "/nowhere"}, err: "AION_TLS_CA_FILE"},
		{name: "Err/half a pair", env: map[string]string{"AION_TLS_CERT_FILE": "/nowhere"}, err: "AION_TLS_KEY_FILE"},
		{name: "Err/pair", env: map[string]string{"AION_TLS_CERT_FILE": "/nowhere", "AION_TLS_KEY_FILE": "/nowhere"}, err: "AION_TLS_CERT_FILE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, k := range []string{"AION_ADDRESS", "AION_NAMESPACE", "AION_TOKEN", "AION_TLS_CA_FILE", "AION_TLS_CERT_FILE", "AION_TLS_KEY_FILE", "AION_TLS_SERVER_NAME"} {
				t.Setenv(k, c.env[k])
			}
			l, err := link.Open(c.settings)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got error %v, want one that names %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			h := http.Header{}
			l.Authorize(h)
			if l.URL != c.url || l.Namespace != c.ns || h.Get("Authorization") != c.auth {
				t.Fatalf("got %s, %s, %q", l.URL, l.Namespace, h.Get("Authorization"))
			}
		})
	}
}

// The environment alone is enough to reach a server that demands certificates.
func TestMutualTLS(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"aion.example"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	defer s.Close()

	t.Setenv("AION_ADDRESS", strings.TrimPrefix(s.URL, "https://"))
	t.Setenv("AION_TLS_CA_FILE", certFile)
	t.Setenv("AION_TLS_CERT_FILE", certFile)
	t.Setenv("AION_TLS_KEY_FILE", keyFile)
	t.Setenv("AION_TLS_SERVER_NAME", "aion.example")
	l, err := link.Open(link.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, _ := http.NewRequest(http.MethodGet, l.URL, nil)
	res, err := l.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, _ := io.ReadAll(res.Body); string(b) != "HTTP/2.0" {
		t.Fatalf("got %s", b)
	}
}
