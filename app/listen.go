package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/aionrun/aion/app/config"
)

// listen opens a port. Its error names the key, its environment variable and, where the system tells, who has the port.
func listen(ctx context.Context, key, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err == nil {
		return l, nil
	}
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		by := "another process"
		if pid, name := listenerOn(port); pid != 0 {
			by = fmt.Sprintf("process %d (%s)", pid, name)
		}
		return nil, config.Fault(key, "%s is in use by %s", address, by).Hinted("stop it, or choose another port; port 0 takes a free one")
	case errors.Is(err, os.ErrPermission):
		return nil, config.Fault(key, "%s may not be listened on by this user", address).Hinted("choose a port above 1023")
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	f := config.Fault(key, "cannot listen on %s", address)
	f.Err = err
	return nil, f
}
