package bench

import (
	"context"

	"github.com/aionrun/aion/app/bench/workload"
	"github.com/aionrun/aion/sdk/worker"
)

// workerSlots is more than any benchmark has in flight.
const workerSlots = 1000

// Worker serves the benchmarks' activity, at the server of AION_ADDRESS, until ctx ends.
func Worker(ctx context.Context) error {
	w := worker.New("", worker.Options{Slots: workerSlots})
	worker.Handle(w, workload.Noop, func(_ context.Context, n int) (int, error) { return n, nil })
	return w.Run(ctx)
}
