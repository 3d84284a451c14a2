package link

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// tokenFile is a file that something else keeps a valid token in. It is read again at most once a second; while it cannot be read, the last
// token stays in use. Safe for concurrent use.
type tokenFile struct {
	path string

	mu    sync.Mutex
	token string
	read  time.Time
}

func checkToken(token, from string) error {
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("the token (%s) holds characters that no token has: is there a line break at its end?", from)
	}
	return nil
}

// current gives the token. The error says why there is no newer one.
func (f *tokenFile) current() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.read.IsZero() && time.Since(f.read) < time.Second {
		return f.token, nil
	}
	b, err := os.ReadFile(f.path)
	if err != nil {
		return f.token, fmt.Errorf("AION_TOKEN_FILE: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if token == "" {
		return f.token, errors.New("AION_TOKEN_FILE: " + f.path + " is empty")
	}
	if err := checkToken(token, "AION_TOKEN_FILE"); err != nil {
		return f.token, err
	}
	f.token, f.read = token, time.Now()
	return token, nil
}

// Token is the bearer token as it is now; "" without one.
func (l *Link) Token() string {
	if l.file == nil {
		return l.token
	}
	token, _ := l.file.current() // the last one that could be read
	return token
}

// Renewable says whether the token may be another one later.
func (l *Link) Renewable() bool { return l.file != nil }
