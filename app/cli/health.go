package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/domain/fault"
)

// healthTimeout is how long a server has to say whether it is ready.
const healthTimeout = 3 * time.Second

func (s *shell) healthCommand() *cobra.Command {
	var o settings
	cmd := &cobra.Command{
		Use: "health", Short: "Ask the server of this configuration, on its private port, whether it is ready", Args: cobra.NoArgs,
		Long: `Ask the server of this configuration, on its private port (server.admin_address), whether it is ready. Exits with 0 when it is, with 1 when it starts, drains
or is not there. Containers use it as their health check; it needs no credentials.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := o.load(s.Env, nil)
			if err != nil {
				return err
			}
			return s.health(cmd.Context(), e.Config.Server.AdminAddress)
		},
	}
	o.bind(cmd)
	return cmd
}

func (s *shell) health(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "0" {
		return fault.Invalidf("server.admin_address is %s, which names no port that could be asked", address)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	url := "http://" + net.JoinHostPort(host, port) + "/readyz"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fault.Wrap(fault.InvalidInput, err, "server.admin_address %s cannot be asked", address)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "no server answers on its private port %s", address)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1000)) // the status says it all
	state := strings.TrimSpace(string(text))
	if res.StatusCode != http.StatusOK {
		return fault.New(fault.Unavailable, "the server is not ready: %s", state)
	}
	_, err = fmt.Fprintln(s.Out, state)
	return err
}
