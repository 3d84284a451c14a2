// Package link finds a server and speaks to it: addresses, credentials, TLS and the HTTP/2 connection that clients and workers share.
package link

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"

	"connectrpc.com/connect"
)

// DefaultAddress is where "aion dev" and "aion server" listen.
const DefaultAddress = "127.0.0.1:7470"

// DefaultNamespace is used where none is named.
const DefaultNamespace = "default"

// Settings say where the server is and who is calling. What is empty comes from the environment: AION_ADDRESS, AION_NAMESPACE,
// AION_TOKEN or else AION_TOKEN_FILE (read again as it changes), and for TLS AION_TLS_CA_FILE, AION_TLS_CERT_FILE, AION_TLS_KEY_FILE, AION_TLS_SERVER_NAME.
type Settings struct {
	Address    string // host:port, http://host:port or https://host:port
	Namespace  string
	Token      string
	Identity   string // sent as a claim that only servers of development believe
	TLS        *tls.Config
	HTTPClient connect.HTTPClient // replaces the connection altogether
}

// Link is a server that can be called. Safe for concurrent use.
type Link struct {
	URL       string
	Namespace string
	HTTP      connect.HTTPClient
	header    http.Header
	token     string          // "" with a file, or without a token
	file      *tokenFile      // nil without
	transport *http.Transport // nil where the HTTP client is somebody else's
}

// Open resolves settings. It does not connect. An error names the setting that cannot work.
func Open(s Settings) (*Link, error) {
	l := &Link{Namespace: first(s.Namespace, os.Getenv("AION_NAMESPACE"), DefaultNamespace), HTTP: s.HTTPClient, header: http.Header{}}
	if l.token = first(s.Token, os.Getenv("AION_TOKEN")); l.token != "" {
		if err := checkToken(l.token, "AION_TOKEN"); err != nil {
			return nil, err
		}
	} else if path := os.Getenv("AION_TOKEN_FILE"); path != "" {
		l.file = &tokenFile{path: path}
		if _, err := l.file.current(); err != nil {
			return nil, err
		}
	}
	if strings.ContainsFunc(s.Identity, unicode.IsControl) {
		return nil, fmt.Errorf("the identity %q holds control characters", s.Identity)
	}
	if s.Identity != "" {
		l.header.Set("Aion-Identity", s.Identity)
	}
	config, err := tlsConfig(s.TLS)
	if err != nil {
		return nil, err
	}
	address := first(s.Address, os.Getenv("AION_ADDRESS"), DefaultAddress)
	var secure bool
	if l.URL, secure, err = resolve(address, config != nil); err != nil {
		return nil, err
	}
	if l.HTTP == nil {
		l.transport = transport(secure, config)
		l.HTTP = &http.Client{Transport: l.transport}
	}
	return l, nil
}

// Authorize puts the credentials into a request's headers.
func (l *Link) Authorize(h http.Header) {
	for k, v := range l.header {
		if h.Get(k) == "" {
			h[k] = v
		}
	}
	if token := l.Token(); token != "" && h.Get("Authorization") == "" {
		h.Set("Authorization", "Bearer "+token)
	}
}

// Close lets go of connections that are idle.
func (l *Link) Close() {
	if l.transport != nil {
		l.transport.CloseIdleConnections()
	}
}

// Options are the options of every Connect client of this SDK. Answers are not asked for compressed: on the way between a service
// and its server compressing costs more than it saves.
func Options() connect.ClientOption {
	return connect.WithAcceptCompression("gzip", nil, nil)
}

// resolve makes a base URL of an address.
func resolve(address string, withTLS bool) (base string, secure bool, err error) {
	if !strings.Contains(address, "://") {
		if withTLS {
			address = "https://" + address
		} else {
			address = "http://" + address
		}
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "", false, fmt.Errorf("the address %q (AION_ADDRESS) is not valid: %w", address, err)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.User != nil, u.RawQuery != "", strings.Trim(u.Path, "/") != "":
		return "", false, fmt.Errorf("the address %q (AION_ADDRESS) is not valid: write host:port, http://host:port or https://host:port", address)
	case u.Scheme == "http" && withTLS:
		return "", false, fmt.Errorf("the address %q (AION_ADDRESS) is plain http, but TLS is configured (AION_TLS_*): write https, or leave TLS out", address)
	}
	if u.Port() == "" && u.Scheme == "http" {
		u.Host = net.JoinHostPort(u.Hostname(), "7470")
	}
	return u.Scheme + "://" + u.Host, u.Scheme == "https", nil
}

// tlsConfig gives what is configured, nil where nothing is.
func tlsConfig(given *tls.Config) (*tls.Config, error) {
	if given != nil {
		return given.Clone(), nil
	}
	ca, cert, key, name := os.Getenv("AION_TLS_CA_FILE"), os.Getenv("AION_TLS_CERT_FILE"), os.Getenv("AION_TLS_KEY_FILE"), os.Getenv("AION_TLS_SERVER_NAME")
	if ca == "" && cert == "" && key == "" && name == "" {
		return nil, nil
	}
	out := &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("AION_TLS_CA_FILE: %w", err)
		}
		if out.RootCAs = x509.NewCertPool(); !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("AION_TLS_CA_FILE: %s holds no PEM certificate", ca)
		}
	}
	if (cert == "") != (key == "") {
		return nil, errors.New("AION_TLS_CERT_FILE and AION_TLS_KEY_FILE are needed together")
	}
	if cert != "" {
		if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
			return nil, fmt.Errorf("AION_TLS_CERT_FILE, AION_TLS_KEY_FILE: %w", err)
		}
		// Read at each handshake, so that renewed files are taken up.
		out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			c, err := tls.LoadX509KeyPair(cert, key)
			return &c, err
		}
	}
	return out, nil
}

// transport speaks HTTP/2, without TLS too. A server that is gone without a word is noticed by the ping that it does not answer.
func transport(secure bool, config *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	if secure {
		protocols.SetHTTP1(true) // for unary calls through proxies
		protocols.SetHTTP2(true)
	} else {
		protocols.SetUnencryptedHTTP2(true)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSClientConfig:     config,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second,
		Protocols:           protocols,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 10 * time.Second, WriteByteTimeout: 30 * time.Second},
	}
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
