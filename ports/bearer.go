package ports

import (
	"strings"

	"github.com/aionrun/aion/domain/fault"
)

// maxToken bounds a bearer token, so that nobody can make the server check much for nothing.
const maxToken = 16 << 10

// Bearer takes the bearer token out of the Authorization header. Errors: Unauthenticated.
func (c Credentials) Bearer() (string, error) {
	scheme, token, _ := strings.Cut(c.Authorization, " ")
	token = strings.TrimSpace(token)
	switch {
	case c.Authorization == "":
		return "", fault.New(fault.Unauthenticated, "the request has no credentials").
			Hinted("send the header Authorization: Bearer TOKEN; command line, clients and workers take it from AION_TOKEN")
	case !strings.EqualFold(scheme, "Bearer") || token == "":
		return "", fault.New(fault.Unauthenticated, "the Authorization header holds no bearer token").Hinted("send Authorization: Bearer TOKEN")
	case len(token) > maxToken:
		return "", fault.New(fault.Unauthenticated, "the token has %d bytes; at most %d are looked at", len(token), maxToken)
	}
	return token, nil
}
