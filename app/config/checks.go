package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/aionrun/aion/adapters/auth/jwks"
	"github.com/aionrun/aion/domain/model"
)

// checkAddress wants host:port; an empty host means all of the machine's addresses.
func checkAddress(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New(`must be host:port with a port from 0 to 65535, for example "127.0.0.1:7470"`)
	}
	return nil
}

// isLoopback says whether an address that passed checkAddress can be reached from this machine only. A name other than
// localhost counts as reachable: what it resolves to may change.
func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// Exposed says whether other machines can reach the public port.
func (c Config) Exposed() bool { return !isLoopback(c.Server.Address) }

// collide says whether two addresses that passed checkAddress cannot both be listened on.
func collide(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	everywhere := []string{"", "0.0.0.0", "::"}
	return portA == portB && portA != "0" && (hostA == hostB || slices.Contains(everywhere, hostA) || slices.Contains(everywhere, hostB))
}

// checkOrigin wants what browsers send as Origin.
func checkOrigin(s string) error {
	if s == "*" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || s != u.Scheme+"://"+u.Host {
		return fmt.Errorf(`%q is no origin: it must be one such as "https://console.example.com" (no path), or "*"`, s)
	}
	return nil
}

// checkHTTPURL wants an absolute HTTP URL, or nothing.
func checkHTTPURL(s string) error {
	if u, err := url.Parse(s); s != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return errors.New(`must be a URL such as "https://id.example.com/keys"`)
	}
	return nil
}

func checkNamespace(s string) error {
	if model.ValidateNamespace(model.Namespace(s)) != nil {
		return errors.New("must be 1 to 63 of a-z, 0-9 and '-', neither starting nor ending with '-'")
	}
	return nil
}

// checkAlgorithm wants an asymmetric signature algorithm of JWTs: "none" and shared secrets are never accepted.
func checkAlgorithm(s string) error {
	known := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
	if !slices.Contains(known, s) {
		return fmt.Errorf("%q is no algorithm of ours: it must be one of %s", s, strings.Join(known, ", "))
	}
	return nil
}

// checkRule wants claim:value=role@pattern.
func checkRule(s string) error {
	if _, err := jwks.ParseRule(s); err != nil {
		return err
	}
	return nil
}

// hidden stands for what is not shown.
const hidden = "******"

// maskURL hides the password of a URL, and the whole of what could be a connection string with a password in it.
func maskURL(s string) string {
	if scheme, _, _ := strings.Cut(s, ":"); scheme == "file" || !strings.ContainsAny(s, ":@=") {
		return s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return hidden
	}
	if u.User != nil {
		if _, has := u.User.Password(); has {
			u.User = url.UserPassword(u.User.Username(), hidden)
		}
	}
	// Any parameter may be a credential (password, authToken, sslpassword, …); only what they are called is shown.
	q := u.Query()
	for name := range q {
		q.Set(name, hidden)
	}
	u.RawQuery = q.Encode()
	return strings.ReplaceAll(u.String(), url.QueryEscape(hidden), hidden)
}

// checkStoreFile wants what libsql and sqlite can open: a file of this machine.
func checkStoreFile(s string) error {
	path := strings.TrimPrefix(s, "file:")
	switch {
	case path == "" || path == "//":
		return errors.New(`must name a file, for example "file:aion.db"`)
	case strings.HasPrefix(path, ":memory:"):
		return errors.New("must name a file; for a store in memory set store.backend = memory")
	case path == s && strings.Contains(s, "://"):
		return errors.New(`must be a file of this machine, for example "file:/var/lib/aion/aion.db"; remote databases are not supported here`)
	}
	return nil
}
