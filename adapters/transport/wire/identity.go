package wire

import (
	"net/http"

	"github.com/aionrun/aion/ports"
)

// IdentityHeader is the request header that claims who the caller is; only development believes it.
const IdentityHeader = "Aion-Identity"

// Credentials gives what a request says about its sender.
func Credentials(h http.Header, peer, host string) ports.Credentials {
	return ports.Credentials{Authorization: h.Get("Authorization"), Identity: h.Get(IdentityHeader), Peer: peer, Host: host}
}
