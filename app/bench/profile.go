package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	rpprof "runtime/pprof"
	"sync"
	"time"

	"github.com/aionrun/aion/domain/fault"
)

// profileSeconds is how long the processes are profiled at most; a workload that is over before has some idle time in its profiles.
const profileSeconds = 4

// profiled runs f, and for its first seconds writes CPU profiles of the three processes into Options.Profile, if that is set.
func (b *bench) profiled(ctx context.Context, s *system, name string, f func() error) error {
	if b.Profile == "" {
		return f()
	}
	if err := os.MkdirAll(b.Profile, 0o755); err != nil {
		return fault.Wrap(fault.Unavailable, err, "the folder for profiles").Hinted("name a folder with --profile")
	}
	file := func(process string) string { return filepath.Join(b.Profile, name+"-"+process+".pprof") }
	own, err := os.Create(file("client"))
	if err != nil {
		return err
	}
	if err := rpprof.StartCPUProfile(own); err != nil {
		return errors.Join(err, own.Close())
	}
	seconds := min(profileSeconds, int(math.Ceil(orElse(b.Limit, defaultLimit).Seconds())))
	var wg sync.WaitGroup
	var ofServer, ofWorker error
	wg.Go(func() { ofServer = fetchProfile(ctx, s.admin, seconds, file("server")) })
	wg.Go(func() { ofWorker = fetchProfile(ctx, s.workerPort, seconds, file("worker")) })
	err = f()
	rpprof.StopCPUProfile()
	wg.Wait()
	b.Say("profiles of %s are in %s", name, b.Profile)
	return errors.Join(err, ofServer, ofWorker, own.Close())
}

func fetchProfile(ctx context.Context, address string, seconds int, file string) (err error) {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", address, seconds)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Do(req)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "a profile")
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fault.New(fault.Unavailable, "a profile: %s", res.Status)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(f, res.Body)
	return err
}

// serveProfiles offers profiles of this process on a free port of loopback.
func serveProfiles() (address string, stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	return l.Addr().String(), func() error {
		err := server.Close()
		if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		return err
	}, nil
}
