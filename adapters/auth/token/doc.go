// Package token is authentication by static bearer tokens, which a file lists by their SHA-256: who reads the file can call nobody.
package token
