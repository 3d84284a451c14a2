// Package jwks is authentication by signed JWTs of an issuer that publishes its keys: an OpenID Connect provider, or a JWKS URL alone.
package jwks
