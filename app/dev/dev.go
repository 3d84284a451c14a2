package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aionrun/aion/app"
	"github.com/aionrun/aion/app/build"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Options say what a developer works on. Server is started already; Run neither drains nor closes it.
type Options struct {
	Dir     string
	State   string // the folder of StateFolder, or a temporary one; the worker's program is kept there
	Server  *app.Server
	Version string
	Kept    bool     // the store outlives the process
	Env     []string // of the go command and the worker
	Out     io.Writer
	Err     io.Writer // what the worker prints
}

// Run serves a folder until ctx ends: it builds, deploys, runs the worker, and again at every change. A folder without Go code is
// only served. The first build may fail like any other: what is wrong is printed, and the next change is waited for.
func Run(ctx context.Context, o Options) error {
	code, err := hasCode(o.Dir)
	if err != nil {
		return err
	}
	d := &session{Options: o, service: o.Server.Service()}
	d.say("aion %s  dev: loopback only, no authentication", o.Version)
	d.line("address", "http://%s", o.Server.Address())
	d.line("store", "%s", d.storeText())
	if !code {
		d.line("package", "none: there is no Go code in %s; aion new NAME makes some, aion deploy DIR deploys some", o.Dir)
		<-ctx.Done()
		return nil
	}
	d.env = append(slices.Clone(o.Env), "AION_ADDRESS="+o.Server.Address())
	d.worker = &worker{dir: o.Dir, state: o.State, env: d.env, out: o.Err}
	defer d.worker.stop()
	// Watching begins before the first build, so that no change is missed.
	changed, err := watch(ctx, o.Dir)
	if err != nil {
		return err
	}
	d.renew(ctx)
	d.line("watching", "./...")
	d.try()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			d.renew(ctx)
		case <-d.worker.exit():
			err := d.worker.running.err
			d.worker.running = nil
			if ctx.Err() == nil {
				d.line("worker", "ended (%s); the next change starts it again", endText(err))
			}
		}
	}
}

func endText(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// session is one run of a developer's server.
type session struct {
	Options
	service ports.Service
	env     []string
	worker  *worker
	current ports.PackageInfo // what is routed; empty before the first build that works
}

func (d *session) say(format string, a ...any) { fmt.Fprintf(d.Out, format+"\n", a...) }

func (d *session) line(what, format string, a ...any) {
	d.say("  %-9s "+format, append([]any{what}, a...)...)
}

func (d *session) storeText() string {
	info := d.Server.StoreInfo()
	if !d.Kept {
		return info.Backend + "  (nothing is kept)"
	}
	where := info.Detail
	if full, err := filepath.Abs(d.Dir); err == nil {
		if rel, err := filepath.Rel(full, where); err == nil && !strings.HasPrefix(rel, "..") {
			where = rel
		}
	}
	return fmt.Sprintf("%s %s  (kept; --ephemeral for memory, --reset to clear)", info.Backend, where)
}

// renew builds package and worker, and puts both to use when both could be built. Otherwise what runs goes on.
func (d *session) renew(ctx context.Context) {
	err := d.replace(ctx)
	if err == nil || ctx.Err() != nil {
		return
	}
	d.say("error: %s", text(err))
	if d.current.Hash != "" {
		d.line("package", "%s %s goes on; the next change is built again", d.current.Name, short(d.current.Hash))
	} else {
		d.line("package", "none yet; the next change is built again")
	}
}

// text is an error with its hint on a line of its own.
func text(err error) string {
	var f *fault.Error
	if errors.As(err, &f) && f.Hint != "" {
		return strings.Replace(err.Error(), " ("+f.Hint+")", "\n  hint: "+f.Hint, 1)
	}
	return err.Error()
}

func (d *session) replace(ctx context.Context) error {
	began := time.Now()
	built, err := build.Package(ctx, d.Dir, build.Options{Env: d.Env})
	if err != nil {
		return err
	}
	_, hasWorker := workerFolder(d.Dir)
	if hasWorker {
		if err := d.worker.build(ctx); err != nil {
			return err
		}
	}
	took := time.Since(began)
	for _, w := range built.Warnings {
		d.say("warning: %s", w)
	}
	if built.Hash != d.current.Hash {
		res, err := d.service.Deploy(ctx, ports.DeployRequest{Archive: built.Archive})
		if err != nil {
			return err
		}
		before := d.current
		d.current = res.Package
		d.line("package", "%s %s  built in %.1fs, %.1f MB   workflows: %s", d.current.Name, short(d.current.Hash), took.Seconds(), float64(len(built.Module))/1e6, words(d.current.WorkflowTypes))
		if before.Hash != "" {
			d.tellPinned(ctx)
		}
	}
	if !hasWorker {
		d.worker.stop()
		d.line("worker", "none: there is no ./worker; start yours with AION_ADDRESS=%s", d.Server.Address())
		return nil
	}
	changed, err := d.worker.renew()
	if err != nil || !changed {
		return err
	}
	d.line("worker", "./worker  pid %d   activities: %s", d.worker.running.cmd.Process.Pid, d.activities(ctx))
	return nil
}

// pinnedLimit bounds how many open runs are looked at to tell which use other code.
const pinnedLimit = 10_000

// tellPinned says how many open runs stay with older code.
func (d *session) tellPinned(ctx context.Context) {
	q := ports.ListQuery{Status: model.StatusRunning, Limit: 1000}
	seen, pinned := 0, 0
	for seen < pinnedLimit {
		runs, next, err := d.service.List(ctx, q)
		if err != nil {
			return // the next change tells
		}
		for _, r := range runs {
			if r.Package != d.current.Hash && slices.Contains(d.current.WorkflowTypes, r.Type) {
				pinned++
			}
		}
		seen += len(runs)
		if q.After = next; next == nil {
			break
		}
	}
	if pinned == 0 {
		return
	}
	runs, stay := "open runs", "stay"
	if pinned == 1 {
		runs, stay = "open run", "stays"
	}
	atLeast := ""
	if q.After != nil {
		atLeast = "at least "
	}
	d.line("", "%s%d %s %s with older code; aion repin WORKFLOW --package %s moves one (aion list --status running)", atLeast, pinned, runs, stay, short(d.current.Hash))
}

// activities waits a moment for the worker that was just started to connect, and tells what it serves.
func (d *session) activities(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	began := time.Now().Add(-time.Second)
	for {
		workers, err := d.service.Workers(ctx, "")
		if err != nil {
			return "?"
		}
		for _, w := range workers {
			if w.ConnectedAt.After(began) && !w.Draining {
				return words(w.Registered.ActivityTypes)
			}
		}
		select {
		case <-every.C:
		case <-d.worker.exit():
			return "none: it ended"
		case <-ctx.Done():
			return "not connected yet"
		}
	}
}

// try prints a command that starts a workflow.
func (d *session) try() {
	if len(d.current.WorkflowTypes) == 0 {
		return
	}
	t := string(d.current.WorkflowTypes[0])
	input := ""
	if example := exampleInput(d.Dir, t); example != "" {
		input = " --input '" + example + "'"
	}
	address := ""
	if d.Server.Address() != "127.0.0.1:7470" {
		address = " --address " + d.Server.Address()
	}
	d.line("try", "aion start %s%s --wait%s", t, input, address)
}

func short(h model.PackageHash) string { return string(h[:min(len(h), 7)]) }

func words[T ~string](in []T) string {
	out := make([]string, len(in))
	for i, w := range in {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}
