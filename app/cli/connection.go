package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"strings"
	"syscall"
	"time"

	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// defaultAddress is where a server listens that nobody configured.
const defaultAddress = "127.0.0.1:7470"

// server is the server that the commands call.
type server struct {
	*connect.Remote
	url  string
	http *http.Client
}

// dial prepares calls to the server that --address, AION_ADDRESS or the default names. Nothing is sent yet.
func (s *shell) dial() (*server, error) {
	u, err := s.target()
	if err != nil {
		return nil, err
	}
	secure, err := s.clientTLS()
	if err != nil {
		return nil, err
	}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(u.Scheme == "http")
	protocols.SetHTTP2(u.Scheme == "https")
	token := s.token
	if token == "" {
		token = s.variable("AION_TOKEN")
	}
	if path := s.variable("AION_TOKEN_FILE"); token == "" && path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fault.Wrap(fault.InvalidInput, err, "AION_TOKEN_FILE")
		}
		token = strings.TrimSpace(string(b))
	}
	c := &http.Client{Transport: credentials{
		token: token, identity: identity(),
		next: &http.Transport{Protocols: protocols, TLSClientConfig: secure, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext},
	}}
	return &server{connect.NewRemote(c, u.String()), u.String(), c}, nil
}

// target is the URL of the server. An address without a scheme is https where AION_TLS_* is set.
func (s *shell) target() (*url.URL, error) {
	address, from := s.address, "--address"
	if address == "" {
		address, from = s.variable("AION_ADDRESS"), "AION_ADDRESS"
	}
	if address == "" {
		address = defaultAddress
	}
	text := address
	if !strings.Contains(text, "://") {
		scheme := "http://"
		if s.tlsWanted() {
			scheme = "https://"
		}
		text = scheme + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usageError{fmt.Errorf("%s %q is no address: it must be host:port or a URL, for example %s", from, address, defaultAddress)}
	}
	if u.Port() == "" && u.Scheme == "http" {
		u.Host = net.JoinHostPort(u.Hostname(), "7470")
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

func (s *shell) tlsWanted() bool {
	for _, name := range []string{"AION_TLS_CA_FILE", "AION_TLS_CERT_FILE", "AION_TLS_KEY_FILE", "AION_TLS_SERVER_NAME"} {
		if s.variable(name) != "" {
			return true
		}
	}
	return false
}

// clientTLS reads AION_TLS_CA_FILE, AION_TLS_CERT_FILE with AION_TLS_KEY_FILE, and AION_TLS_SERVER_NAME.
func (s *shell) clientTLS() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.variable("AION_TLS_SERVER_NAME")}
	if name := s.variable("AION_TLS_CA_FILE"); name != "" {
		pem, err := os.ReadFile(name)
		if err != nil {
			return nil, fault.Wrap(fault.InvalidInput, err, "AION_TLS_CA_FILE")
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.Invalidf("AION_TLS_CA_FILE: %s holds no certificate", name)
		}
	}
	cert, key := s.variable("AION_TLS_CERT_FILE"), s.variable("AION_TLS_KEY_FILE")
	if cert == "" && key == "" {
		return c, nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fault.Wrap(fault.InvalidInput, err, "AION_TLS_CERT_FILE and AION_TLS_KEY_FILE must name a certificate and its key")
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// credentials says in every request who calls.
type credentials struct {
	token, identity string
	next            http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c credentials) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.identity != "" {
		r.Header.Set(wire.IdentityHeader, c.identity)
	}
	return c.next.RoundTrip(r)
}

// identity is who this is to a server that believes it: user@machine.
func identity() string {
	name := ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	if model.ValidateID("identity", name) != nil {
		return ""
	}
	return name
}

// failed explains an error of a call: what could not be reached, and how to have a server.
func (s *server) failed(err error) error {
	if err == nil {
		return nil
	}
	var dns *net.DNSError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fault.New(fault.Unavailable, "no server answers at %s: connection refused", s.url).
			Hinted("start one: aion dev (for development) or aion server; another address is given by --address or AION_ADDRESS")
	case errors.As(err, &dns):
		return fault.New(fault.Unavailable, "the server at %s cannot be found: no address for %s", s.url, dns.Name).Hinted("check --address or AION_ADDRESS")
	case errors.As(err, &authority):
		return fault.New(fault.Unavailable, "the certificate of %s is signed by an unknown authority", s.url).Hinted("name the authority's certificate in AION_TLS_CA_FILE")
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Unavailable, "the server at %s did not answer in time", s.url).Hinted("aion doctor checks the connection")
	case errors.Is(err, context.Canceled):
		return fault.New(fault.Unavailable, "interrupted")
	}
	var f *fault.Error
	if errors.As(err, &f) && f.Reason == fault.Unavailable && f.Hint == "" && f.Err != nil {
		return fault.New(fault.Unavailable, "the server at %s cannot be reached: %v", s.url, f.Err).Hinted("aion doctor checks the connection")
	}
	return err
}

// ref names a run to the server.
func (s *shell) ref(id, run string) ports.WorkflowRef {
	return ports.WorkflowRef{Namespace: s.ns(), WorkflowID: model.WorkflowID(id), Run: model.RunID(run)}
}

// ns is the namespace that is meant; empty is the server's default.
func (s *shell) ns() model.Namespace {
	if s.namespace != "" {
		return model.Namespace(s.namespace)
	}
	return model.Namespace(s.variable("AION_NAMESPACE"))
}
