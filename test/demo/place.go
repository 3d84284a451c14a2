package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	ordersaga "github.com/aionrun/aion/examples/order-saga"
	"github.com/aionrun/aion/sdk/client"
	"github.com/aionrun/aion/test/evidence"
	"github.com/aionrun/aion/test/process"
)

// pace is the pause between two orders, so that there are always some on their way.
const pace = 40 * time.Millisecond

// place places all orders and waits until each has ended, while killer does its work.
func (d *demo) place(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	fail := func(err error) {
		if err != nil {
			cancel(err)
		}
	}
	all.Go(func() { fail(d.kill(ctx)) })
	all.Go(func() {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for _, o := range d.orders {
			all.Go(func() {
				err := d.start(ctx, o)
				if err == nil {
					err = d.wait(ctx, o)
				}
				fail(err)
			})
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	all.Wait()
	return context.Cause(ctx)
}

// start places one order and writes down what the server says to it. It asks again, with the same request ID, until there is an answer.
func (d *demo) start(ctx context.Context, o ordersaga.Order) error {
	ctx = client.WithRequestID(ctx, "start-"+o.ID)
	if err := d.starts.Write(evidence.Start{Time: time.Now(), Workflow: o.ID}); err != nil {
		return err
	}
	for {
		_, err := client.Start(ctx, d.client, ordersaga.PlaceOrder, o, client.StartOptions{ID: o.ID})
		if err == nil {
			break
		}
		if !again(err) || ctx.Err() != nil {
			return err
		}
	}
	if err := d.starts.Write(evidence.Start{Time: time.Now(), Workflow: o.ID, Acked: true}); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.started++
	close(d.changed)
	d.changed = make(chan struct{})
	return nil
}

// wait waits until the order's run has ended, in whichever way. A run that is gone is for the checker to find.
func (d *demo) wait(ctx context.Context, o ordersaga.Order) error {
	for {
		_, err := client.Get(d.client, ordersaga.PlaceOrder, client.ID(o.ID)).Result(ctx)
		var ended *client.RunError
		if err == nil || errors.As(err, &ended) || client.ReasonOf(err) == client.NotFound {
			return nil
		}
		if !again(err) || ctx.Err() != nil {
			return fmt.Errorf("order %s: %w", o.ID, err)
		}
	}
}

// again says whether a call that failed is to be made again: the server was away for longer than the client's own patience.
func again(err error) bool { return client.ReasonOf(err) == client.Unavailable }

// export writes the histories of all orders into the folder of evidence.
func (d *demo) export(ctx context.Context) error {
	for _, o := range d.orders {
		var events []*aionv1.HistoryEvent
		for e, err := range d.client.History(ctx, client.ID(o.ID)) {
			if client.ReasonOf(err) == client.NotFound {
				break
			}
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		if len(events) == 0 {
			continue
		}
		if err := evidence.WriteHistory(filepath.Join(d.dir, evidence.Histories), o.ID, events); err != nil {
			return err
		}
	}
	return d.replay(ctx)
}

// replay has the package make the decisions of all histories again, without a server.
func (d *demo) replay(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(d.dir, evidence.Histories, "*.jsonl"))
	if err != nil {
		return err
	}
	_, err = process.Run(ctx, process.Command{
		Name: "aion replay", Path: d.aion, Args: append([]string{"replay", filepath.Join(d.dir, packageName)}, files...), Log: filepath.Join(d.dir, "replay.log"),
	})
	return err
}
