package kill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aionrun/aion/sdk/client"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/evidence"
	"github.com/aionrun/aion/test/kill/load"
)

// driver keeps runs open: each of its lanes starts one, sends it what its plan asks for, waits for its end, and begins the next one.
type driver struct {
	site  *site
	seed  uint64
	lanes int

	next    atomic.Uint64 // number of the next run
	open    atomic.Int64
	refused atomic.Int64 // messages that came again after the run had ended
	queries atomic.Int64
	mu      sync.Mutex
	plans   map[string]load.Plan
}

// drive works until stop is closed and then lets the open runs end. It returns when all have, or with the first error.
func (d *driver) drive(ctx context.Context, stop <-chan struct{}) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d.plans = map[string]load.Plan{}
	var lanes sync.WaitGroup
	for range d.lanes {
		lanes.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-ctx.Done():
					return
				default:
				}
				if err := d.run(ctx, d.next.Add(1)); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	lanes.Wait()
	return context.Cause(ctx)
}

// run sees one run through.
func (d *driver) run(ctx context.Context, n uint64) error {
	p, id := load.NewPlan(d.seed+n), fmt.Sprintf("load-%d", n)
	d.mu.Lock()
	d.plans[id] = p
	d.mu.Unlock()
	r := rand.New(rand.NewPCG(d.seed, n))

	if err := d.site.starts.Write(evidence.Start{Time: time.Now(), Workflow: id}); err != nil {
		return err
	}
	var run *client.Run[load.Done]
	err := insist(client.WithRequestID(ctx, "start-"+id), func(ctx context.Context) (err error) {
		run, err = client.Start(ctx, d.site.client, load.Load, p, client.StartOptions{ID: id})
		return err
	})
	if err != nil {
		return err
	}
	if err := d.site.starts.Write(evidence.Start{Time: time.Now(), Workflow: id, Acked: true}); err != nil {
		return err
	}
	d.open.Add(1)
	defer d.open.Add(-1)

	for i := range p.Signals {
		pause(ctx, rand.N(300*time.Millisecond))
		err := d.message(ctx, id, load.Add.Name(), fmt.Sprintf("%s-signal-%d", id, i), func(ctx context.Context) error {
			return client.Signal(ctx, d.site.client, client.ID(id), load.Add, p.Signal(i))
		})
		if err != nil {
			return err
		}
	}
	if r.IntN(4) == 0 {
		err := insist(ctx, func(ctx context.Context) error {
			_, err := client.Query(ctx, d.site.client, client.ID(id), load.Progress, workflow.None{})
			return err
		})
		if err != nil {
			return err
		}
		d.queries.Add(1)
	}
	if p.End == load.Cancel {
		pause(ctx, rand.N(500*time.Millisecond))
		err := d.message(ctx, id, "", id+"-cancel", func(ctx context.Context) error { return d.site.client.Cancel(ctx, client.ID(id), "as planned") })
		if err != nil {
			return err
		}
	}
	return insist(ctx, func(ctx context.Context) error {
		_, err := run.Result(ctx)
		var ended *client.RunError
		if errors.As(err, &ended) {
			return nil // whether it had to is looked at in the end
		}
		return err
	})
}

// message sends a message until there is an answer, and writes both down.
func (d *driver) message(ctx context.Context, workflow, name, request string, send func(ctx context.Context) error) error {
	m := evidence.Message{Time: time.Now(), Workflow: workflow, Name: name, Request: request}
	if err := d.site.messages.Write(m); err != nil {
		return err
	}
	err := insist(client.WithRequestID(ctx, request), send)
	if client.ReasonOf(err) == client.NotRunning {
		// It was recorded and the run has ended because of it, but a kill swallowed the answer: its repetition comes too late.
		d.refused.Add(1)
		return nil
	}
	if err != nil {
		return err
	}
	m.Time, m.Acked = time.Now(), true
	return d.site.messages.Write(m)
}

// insist calls until there is an answer: the server may be away for longer than the client is patient.
func insist(ctx context.Context, call func(ctx context.Context) error) error {
	for {
		err := call(ctx)
		if client.ReasonOf(err) != client.Unavailable || ctx.Err() != nil {
			return err
		}
	}
}

// pause lets time pass, so that messages meet runs at different moments.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
