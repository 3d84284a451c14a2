package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	ordersaga "github.com/aionrun/aion/examples/order-saga"
	"github.com/aionrun/aion/examples/order-saga/shop"
	"github.com/aionrun/aion/sdk/client"
	"github.com/aionrun/aion/test/evidence"
	"github.com/aionrun/aion/test/process"
)

const (
	databaseName = process.Database
	packageName  = "order-saga.aion"
)

// patience is how long a process may take to end when it is asked to.
const patience = 20 * time.Second

// demo is one demonstration. run may be called once.
type demo struct {
	aion, bin, dir, out, ordersFile, sabotage string

	began   time.Time
	orders  []ordersaga.Order
	example string // an order to look at
	server  *process.Server
	worker  *process.Keeper
	client  *client.Client
	starts  *evidence.Log[evidence.Start]
	kills   *evidence.Log[evidence.Kill]

	mu      sync.Mutex
	crashes []string // of the server, by itself
	started int
	changed chan struct{} // closed and made anew when started grows
}

// run does everything. The error is nil only if every process did what it should and the checker found nothing.
func (d *demo) run(ctx context.Context) (err error) {
	d.began = time.Now()
	if err := d.prepare(); err != nil {
		return err
	}
	server, worker, err := d.build(ctx)
	if err != nil {
		return err
	}
	if err := d.open(ctx, server, worker); err != nil {
		return errors.Join(err, d.stop())
	}
	d.say("placing %d orders; the server listens on %s, the worker is process %d", len(d.orders), d.server.Address, d.worker.Process().PID())
	err = d.place(ctx)
	if err == nil {
		d.say("all orders have ended; exporting and replaying their histories")
		err = d.export(ctx)
	}
	if err = errors.Join(err, d.stop()); err != nil && d.sabotage == "" {
		return err
	}
	// What was sabotaged is looked at however it ended: that is what the checker is for.
	return errors.Join(err, d.check(ctx))
}

// prepare empties the folder and reads the orders.
func (d *demo) prepare() error {
	if !slices.Contains([]string{"", "drop_result", "run_twice", "ack_before_commit"}, d.sabotage) {
		return fmt.Errorf("no sabotage is called %q: it is drop_result, run_twice or ack_before_commit", d.sabotage)
	}
	b, err := os.ReadFile(d.ordersFile)
	if err != nil {
		return err
	}
	if d.orders, err = shop.ReadOrders(b); err != nil {
		return err
	}
	if d.dir, err = filepath.Abs(d.dir); err != nil {
		return err
	}
	if d.aion, err = filepath.Abs(d.aion); err != nil {
		return err
	}
	if d.bin, err = filepath.Abs(d.bin); err != nil {
		return err
	}
	for _, o := range d.orders {
		if d.example = o.ID; o.Card == shop.CardCrash {
			break
		}
	}
	_ = os.Remove(d.out)
	if err := os.RemoveAll(d.dir); err != nil {
		return err
	}
	return os.MkdirAll(filepath.Join(d.dir, evidence.Histories), 0o755)
}

// build builds what the demo needs beside the aion binary, and gives the server's and the worker's program.
func (d *demo) build(ctx context.Context) (server, worker string, err error) {
	if _, err := os.Stat(d.aion); err != nil {
		return "", "", fmt.Errorf("%w: run make build first", err)
	}
	d.say("building the worker, the checker and the package")
	server = d.aion
	if d.sabotage == "ack_before_commit" {
		if server, err = process.Build(ctx, "./test/demo/early", d.bin); err != nil {
			return "", "", err
		}
	}
	if worker, err = process.Build(ctx, "./test/demo/worker", d.bin); err != nil {
		return "", "", err
	}
	if _, err = process.Build(ctx, "./test/demo/checker", d.bin); err != nil {
		return "", "", err
	}
	root, err := process.Root()
	if err != nil {
		return "", "", err
	}
	_, err = process.Run(ctx, process.Command{
		Name: "aion build", Path: d.aion, Args: []string{"build", filepath.Join(root, "examples", "order-saga"), "-o", filepath.Join(d.dir, packageName)},
		Log: filepath.Join(d.dir, "build.log"),
	})
	return server, worker, err
}

// open starts the server, deploys the package and starts the worker.
func (d *demo) open(ctx context.Context, server, worker string) (err error) {
	d.changed = make(chan struct{})
	if d.starts, err = evidence.OpenLog[evidence.Start](filepath.Join(d.dir, evidence.StartsFile)); err != nil {
		return err
	}
	if d.kills, err = evidence.OpenLog[evidence.Kill](filepath.Join(d.dir, evidence.KillsFile)); err != nil {
		return err
	}
	args := []string{"server"}
	if server != d.aion {
		args = nil
	}
	// A worker that was killed is given up sooner than by default: it comes back at once here, or not at all.
	env := []string{"AION_WORKER__REATTACH_WINDOW=2s"}
	if d.server, err = process.KeepServer(server, d.dir, args, env, d.crashed); err != nil {
		return err
	}
	if err := d.server.Ready(ctx); err != nil {
		return err
	}
	_, err = process.Run(ctx, process.Command{
		Name: "aion deploy", Path: d.aion, Args: []string{"deploy", filepath.Join(d.dir, packageName)},
		Env: []string{"AION_ADDRESS=" + d.server.Address}, Log: filepath.Join(d.dir, "build.log"),
	})
	if err != nil {
		return err
	}
	if d.client, err = client.Dial(d.server.Address); err != nil {
		return err
	}
	args = []string{"-server", d.server.Address, "-shop", filepath.Join(d.dir, "shop"), "-ledger", filepath.Join(d.dir, evidence.LedgerFile)}
	if d.sabotage != "ack_before_commit" {
		args = append(args, "-sabotage", d.sabotage)
	}
	// That the worker dies by itself is what some cards are for.
	d.worker, err = process.Keep(process.Command{Name: "worker", Path: worker, Args: args, Dir: d.dir, Log: filepath.Join(d.dir, "worker.log")}, nil)
	return err
}

// crashed hears that the server ended although nobody killed it.
func (d *demo) crashed(p *process.Process) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crashes = append(d.crashes, fmt.Sprintf("the server (process %d) ended by itself; see %s", p.PID(), filepath.Join(d.dir, "server.log")))
}

// stop ends the processes and says what they did wrong.
func (d *demo) stop() error {
	var all []error
	if d.client != nil {
		d.client.Close()
	}
	if d.worker != nil {
		all = append(all, d.worker.Stop(patience))
	}
	if d.server != nil {
		all = append(all, d.server.Stop(patience))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.crashes {
		all = append(all, errors.New(c))
	}
	return errors.Join(all...)
}

// check has the evidence compared, by a process of its own.
func (d *demo) check(ctx context.Context) error {
	c := exec.CommandContext(ctx, filepath.Join(d.bin, "test-demo-checker"), "-dir", d.dir, "-orders", d.ordersFile, "-out", d.out,
		"-wall", strconv.FormatFloat(time.Since(d.began).Seconds(), 'f', 1, 64))
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("the checker is not content: %w; the evidence is in %s", err, d.dir)
	}
	return nil
}

func (d *demo) say(format string, args ...any) {
	fmt.Printf("%5.1f s  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}
