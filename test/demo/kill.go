package main

import (
	"context"
	"time"

	"github.com/aionrun/aion/test/evidence"
)

// The plan of the kills: the server once each time that so many more orders are on their way, and then some more times while the
// last ones are; the worker between them.
const (
	serverKillsWhilePlacing = 5
	serverKillsAfterwards   = 2
	afterwards              = time.Second // between the latter
)

// kill kills the server and the worker while orders are placed. Each comes back at once.
func (d *demo) kill(ctx context.Context) error {
	for n := range serverKillsWhilePlacing {
		if !d.waitStarted(ctx, len(d.orders)*(n+1)/(serverKillsWhilePlacing+1)) {
			return nil
		}
		if err := d.killServer(); err != nil {
			return err
		}
		if n == 1 || n == 3 {
			if err := d.killWorker(); err != nil {
				return err
			}
		}
	}
	if !d.waitStarted(ctx, len(d.orders)) {
		return nil
	}
	for range serverKillsAfterwards {
		if err := d.killServer(); err != nil {
			return err
		}
		select {
		case <-time.After(afterwards):
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// waitStarted waits until n starts are acknowledged; false when ctx ends first.
func (d *demo) waitStarted(ctx context.Context, n int) bool {
	for {
		d.mu.Lock()
		started, changed := d.started, d.changed
		d.mu.Unlock()
		if started >= n {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (d *demo) killServer() error {
	p, at, ok, err := d.server.Kill()
	if err != nil {
		return err
	}
	d.say("kill -9 of the server, process %d", p.PID())
	return d.note(evidence.Kill{Time: at, Victim: evidence.Server, PID: p.PID()}, ok)
}

func (d *demo) killWorker() error {
	p, at, ok, err := d.worker.Kill()
	if err != nil {
		return err
	}
	d.say("kill -9 of the worker, process %d", p.PID())
	return d.note(evidence.Kill{Time: at, Victim: evidence.Worker, PID: p.PID()}, ok)
}

// note writes a kill down, unless the process had ended just before.
func (d *demo) note(k evidence.Kill, alive bool) error {
	if !alive {
		return nil
	}
	return d.kills.Write(k)
}
