package bench

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aionrun/aion/app/bench/workload"
	"github.com/aionrun/aion/sdk/worker"
)

// workerSlots is more than any benchmark has in flight.
const workerSlots = 1000

// profilesAt begins the line that tells where a worker's profiles are.
const profilesAt = "profiles at "

// Worker serves the benchmarks' activity, at the server of AION_ADDRESS, until ctx ends. It tells out where its profiles are.
func Worker(ctx context.Context, out io.Writer) (err error) {
	address, stop, err := serveProfiles()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if _, err := fmt.Fprintln(out, profilesAt+address); err != nil {
		return err
	}
	w := worker.New("", worker.Options{Slots: workerSlots})
	worker.Handle(w, workload.Noop, func(_ context.Context, n int) (int, error) { return n, nil })
	return w.Run(ctx)
}
