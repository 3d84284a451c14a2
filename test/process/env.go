package process

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// cleanEnv is the environment of this process without what would configure aion.
func cleanEnv() []string {
	var out []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AION_") {
			out = append(out, v)
		}
	}
	return out
}

// FreePort gives an address of this machine's loopback at which nobody listens. A process that is killed and started again keeps it.
func FreePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
