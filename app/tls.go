package app

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"sync"
	"time"

	"github.com/aionrun/aion/app/config"
)

// serverTLS gives the TLS settings of the public port, nil for none. The files are read again when they change.
func serverTLS(c config.TLS) (*tls.Config, error) {
	if c.CertFile == "" {
		return nil, nil
	}
	files := &tlsFiles{names: c}
	first, err := files.load()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: first.NextProtos, Certificates: first.Certificates,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return files.load() },
	}, nil
}

// tlsFiles keeps what was read from the files until one of them changes.
type tlsFiles struct {
	names config.TLS

	mu      sync.Mutex
	current *tls.Config
	stamps  [3]time.Time
}

// load gives the settings of the files as they are. When new files cannot be used, the ones before stay in use.
func (f *tlsFiles) load() (*tls.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	stamps := [3]time.Time{stamp(f.names.CertFile), stamp(f.names.KeyFile), stamp(f.names.ClientCAFile)}
	if f.current != nil && stamps == f.stamps {
		return f.current, nil
	}
	fresh, err := f.read()
	if err != nil && f.current == nil {
		return nil, err
	}
	if err == nil {
		f.current, f.stamps = fresh, stamps
	}
	return f.current, nil
}

func (f *tlsFiles) read() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(f.names.CertFile, f.names.KeyFile)
	if err != nil {
		return nil, config.Fault("server.tls.cert_file", "%s and %s do not hold a certificate with its key: %v", f.names.CertFile, f.names.KeyFile, err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{cert}}
	if f.names.ClientCAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(f.names.ClientCAFile)
	if err != nil {
		return nil, config.Fault("server.tls.client_ca_file", "%v", err)
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, config.Fault("server.tls.client_ca_file", "%s holds no certificate", f.names.ClientCAFile)
	}
	return c, nil
}

func stamp(name string) time.Time {
	if info, err := os.Stat(name); err == nil {
		return info.ModTime()
	}
	return time.Time{}
}
