// Package codecs has two codecs for payload.Opaque: one that compresses, and one that encrypts what another has made. Copy what you need.
package codecs

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/aionrun/aion/sdk/payload"
)

// Gzip compresses.
type Gzip struct{}

var _ payload.Codec = Gzip{}

// Name is "gzip".
func (Gzip) Name() string { return "gzip" }

// Encode compresses.
func (Gzip) Encode(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

// maxValue bounds what a value may become: a small one could otherwise fill the memory.
const maxValue = 64 << 20

// Decode is the reverse of Encode.
func (Gzip) Decode(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, maxValue+1))
	if len(out) > maxValue {
		return nil, fmt.Errorf("the value has more than %d bytes", maxValue)
	}
	return out, err
}

// AES encrypts and authenticates with AES-GCM, after Inner has encoded.
type AES struct {
	KeyName string // of the key, recorded in clear: change it with the key, and keep the codec of the old key in the list
	Inner   payload.Codec
	aead    cipher.AEAD
}

var _ payload.Codec = (*AES)(nil)

// NewAES makes a codec of a key of 16, 24 or 32 bytes.
func NewAES(keyName string, key []byte, inner payload.Codec) (*AES, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &AES{KeyName: keyName, Inner: inner, aead: aead}, err
}

// Name names the key.
func (c *AES) Name() string { return "aes-gcm/" + c.KeyName }

// Encode encrypts, with a nonce of its own for each value, which stands before it.
func (c *AES) Encode(data []byte) ([]byte, error) {
	data, err := c.Inner.Encode(data)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, c.aead.NonceSize(), c.aead.NonceSize()+len(data)+c.aead.Overhead())
	_, _ = rand.Read(nonce) // which does not fail
	return c.aead.Seal(nonce, nonce, data, []byte(c.Name())), nil
}

// Decode decrypts, and refuses what was changed.
func (c *AES) Decode(data []byte) ([]byte, error) {
	n := c.aead.NonceSize()
	if len(data) < n {
		return nil, errors.New("the value is too short")
	}
	plain, err := c.aead.Open(nil, data[:n], data[n:], []byte(c.Name()))
	if err != nil {
		return nil, errors.New("the value cannot be decrypted: another key, or it was changed")
	}
	return c.Inner.Decode(plain)
}
