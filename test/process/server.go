package process

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

// Server is a server that is kept running on a database in a folder. Its addresses stay the same over restarts.
type Server struct {
	*Keeper
	Address string // host:port
	admin   string
}

// KeepServer starts "aion server" (or what is configured in the same way) and keeps it running; crashed hears when it ends by itself. env
// holds more variables.
func KeepServer(bin, dir string, args, env []string, crashed func(p *Process)) (*Server, error) {
	address, err := FreePort()
	if err != nil {
		return nil, err
	}
	admin, err := FreePort()
	if err != nil {
		return nil, err
	}
	k, err := Keep(Command{
		Name: "server", Path: bin, Args: args, Dir: dir, Log: filepath.Join(dir, "server.log"),
		Env: append([]string{
			"AION_SERVER__ADDRESS=" + address, "AION_SERVER__ADMIN_ADDRESS=" + admin,
			"AION_STORE__URL=file:" + filepath.Join(dir, Database),
		}, env...),
	}, crashed)
	if err != nil {
		return nil, err
	}
	return &Server{Keeper: k, Address: address, admin: admin}, nil
}

// Database is the name of the server's database in its folder.
const Database = "aion.db"

// Ready waits until the server serves.
func (s *Server) Ready(ctx context.Context) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+"/readyz", nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		if err := s.Err(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), fmt.Errorf("the server is not ready; see %s\n%s", s.cmd.Log, Tail(s.cmd.Log)))
		case <-time.After(10 * time.Millisecond):
		}
	}
}
