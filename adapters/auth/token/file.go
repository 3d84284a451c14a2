package token

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Entry is a token in the file. The token itself is not in it.
type Entry struct {
	ID      string    `toml:"id"`      // names it in lists and logs
	Subject string    `toml:"subject"` // who its bearer is
	SHA256  string    `toml:"sha256"`  // of the whole token, 64 hexadecimal digits
	Grants  []Grant   `toml:"grants"`
	Created time.Time `toml:"created"`
	Expires time.Time `toml:"expires"` // zero = never
}

// Grant is a role in the namespaces that a pattern fits.
type Grant struct {
	Namespaces string `toml:"namespaces"`
	Role       string `toml:"role"`
}

type document struct {
	Tokens []Entry `toml:"token"`
}

const head = `# Tokens that an Aion server believes (auth.tokens_file), by their SHA-256. "aion token" writes this file anew; comments are not kept.

`

// maxFile bounds what is read: about a hundred thousand tokens.
const maxFile = 32 << 20

// Read reads a tokens file. Errors: InvalidInput (what is wrong, with the token's place), NotFound (there is no file).
func Read(path string) ([]Entry, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxFile {
		return nil, fault.Invalidf("%s has %d bytes; at most %d are read", path, info.Size(), maxFile)
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, err, "the tokens file cannot be read").Hinted("aion token create --file %s makes it", path)
	}
	if err != nil {
		return nil, fault.Wrap(fault.InvalidInput, err, "the tokens file cannot be read")
	}
	d := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields()
	var doc document
	if err := d.Decode(&doc); err != nil {
		var unknown *toml.StrictMissingError
		if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
			line, _ := unknown.Errors[0].Position()
			return nil, fault.Invalidf("%s, line %d: there is no key %s", path, line, strings.Join(unknown.Errors[0].Key(), "."))
		}
		var bad *toml.DecodeError
		if errors.As(err, &bad) {
			line, _ := bad.Position()
			return nil, fault.Invalidf("%s, line %d: %s", path, line, strings.TrimPrefix(bad.Error(), "toml: "))
		}
		return nil, fault.Wrap(fault.InvalidInput, err, "%s is no tokens file", path)
	}
	ids, sums := map[string]bool{}, map[string]bool{}
	for i, e := range doc.Tokens {
		if _, err := e.principal(); err != nil {
			return nil, fault.Wrap(fault.InvalidInput, err, "%s, token %d", path, i+1)
		}
		sum := strings.ToLower(e.SHA256)
		if ids[e.ID] || sums[sum] {
			return nil, fault.Invalidf("%s, token %d: another one has the same id (%s) or sha256", path, i+1, e.ID)
		}
		ids[e.ID], sums[sum] = true, true
	}
	return doc.Tokens, nil
}

// principal checks an entry and gives who its bearer is.
func (e Entry) principal() (ports.Principal, error) {
	if err := model.ValidateID("id", e.ID); err != nil {
		return ports.Principal{}, err
	}
	if err := model.ValidateID("subject", e.Subject); err != nil {
		return ports.Principal{}, err
	}
	if b, err := hex.DecodeString(e.SHA256); err != nil || len(b) != sha256.Size {
		return ports.Principal{}, fault.Invalidf("sha256 of token %s is not 64 hexadecimal digits", e.ID)
	}
	if len(e.Grants) == 0 {
		return ports.Principal{}, fault.Invalidf("token %s has no grants: it could do nothing", e.ID)
	}
	p := ports.Principal{Subject: e.Subject, Expires: e.Expires}
	for _, g := range e.Grants {
		grant, err := ports.ParseGrant(g.Namespaces, g.Role)
		if err != nil {
			return ports.Principal{}, err
		}
		p.Grants = append(p.Grants, grant)
	}
	return p, nil
}

// Create adds a token to the file, which it makes if need be, and gives the token: it can be had only here. Subject and Expires of e are
// taken, and its Grants; "" as Subject becomes the token's ID. Errors: InvalidInput, Conflict (the file is being changed by somebody else).
func Create(path string, e Entry, now time.Time) (string, Entry, error) {
	var secret [32]byte
	var id [5]byte
	_, _ = rand.Read(secret[:]) // never fails
	_, _ = rand.Read(id[:])
	token := "aion_" + base64.RawURLEncoding.EncodeToString(secret[:])
	sum := sha256.Sum256([]byte(token))
	e.ID, e.SHA256, e.Created = hex.EncodeToString(id[:]), hex.EncodeToString(sum[:]), now.UTC().Truncate(time.Second)
	if e.Subject == "" {
		e.Subject = "token-" + e.ID
	}
	if _, err := e.principal(); err != nil {
		return "", Entry{}, err
	}
	err := change(path, func(all []Entry) ([]Entry, error) { return append(all, e), nil })
	if err != nil {
		return "", Entry{}, err
	}
	return token, e, nil
}

// Revoke takes a token out of the file. Errors: NotFound, InvalidInput, Conflict.
func Revoke(path, id string) error {
	return change(path, func(all []Entry) ([]Entry, error) {
		rest := slices.DeleteFunc(slices.Clone(all), func(e Entry) bool { return e.ID == id })
		if len(rest) == len(all) {
			return nil, fault.NotFoundf("%s has no token with the id %s", path, id).Hinted("aion token list shows them")
		}
		return rest, nil
	})
}

// change writes the file anew, whole or not at all. The new file's name is the lock.
func change(path string, f func([]Entry) ([]Entry, error)) (err error) {
	next := path + ".new"
	w, err := os.OpenFile(next, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Conflict, "%s exists: somebody else changes the tokens at this moment", next).
			Hinted("try again; remove the file if it stays")
	}
	if err != nil {
		return fault.Wrap(fault.InvalidInput, err, "the tokens file cannot be written")
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close(), os.Remove(next))
		}
	}()
	all, err := Read(path)
	if err != nil && !fault.Has(err, fault.NotFound) {
		return err
	}
	if all, err = f(all); err != nil {
		return err
	}
	if info, statErr := os.Stat(path); statErr == nil {
		if err = w.Chmod(info.Mode().Perm()); err != nil {
			return fault.Wrap(fault.InvalidInput, err, "the tokens file cannot be written")
		}
	}
	if _, err = w.WriteString(format(all)); err == nil {
		err = w.Sync()
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the tokens file cannot be written")
	}
	if err = os.Rename(next, path); err != nil {
		return fault.Wrap(fault.Unavailable, err, "the tokens file cannot be replaced")
	}
	if closeErr := w.Close(); closeErr != nil {
		return fault.Wrap(fault.Unavailable, closeErr, "the tokens file may not be complete")
	}
	return syncFolder(filepath.Dir(path))
}

// format writes the file's text. What is quoted has passed the checks of a principal, and so holds no control characters.
func format(all []Entry) string {
	var b strings.Builder
	b.WriteString(head)
	for _, e := range all {
		fmt.Fprintf(&b, "[[token]]\nid = %s\nsubject = %s\nsha256 = %s\ngrants = [", quoted(e.ID), quoted(e.Subject), quoted(e.SHA256))
		for i, g := range e.Grants {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "{ namespaces = %s, role = %s }", quoted(g.Namespaces), quoted(g.Role))
		}
		b.WriteString("]\n")
		if !e.Created.IsZero() {
			fmt.Fprintf(&b, "created = %s\n", e.Created.UTC().Format(time.RFC3339))
		}
		if !e.Expires.IsZero() {
			fmt.Fprintf(&b, "expires = %s\n", e.Expires.UTC().Format(time.RFC3339))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// syncFolder makes a rename durable, where the system can.
func syncFolder(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return nil // the file is in place; only how soon it is durable is up to the system
	}
	_ = d.Sync()
	return d.Close()
}
