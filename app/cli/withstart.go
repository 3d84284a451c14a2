package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// startFlags are the flags of a command that sends a message and starts the workflow where it does not run.
type startFlags struct {
	typ, input, queue, reuse, conflict string
	timeout                            time.Duration
}

func (f *startFlags) bind(cmd *cobra.Command) {
	b := cmd.Flags()
	b.StringVar(&f.typ, "with-start", "", "workflow type that is started where the workflow does not run")
	b.StringVar(&f.input, "start-input", "", "input of the start, as --input")
	b.StringVar(&f.queue, "task-queue", "", "with --with-start: task queue of activities that name none")
	b.DurationVar(&f.timeout, "run-timeout", 0, "with --with-start: how long the run may be open; 0 = without an end")
	b.StringVar(&f.reuse, "reuse", "", "with --with-start, when a closed run has the ID: "+strings.Join(reusePolicies, ", "))
	b.StringVar(&f.conflict, "conflict", "", "with --with-start, when an open run has the ID: "+strings.Join(conflictPolicies, ", ")+" (default: use-existing)")
}

// given says whether a start was asked for; start flags without one are an error.
func (f *startFlags) given(cmd *cobra.Command) (bool, error) {
	if f.typ != "" {
		return true, nil
	}
	for _, name := range []string{"start-input", "task-queue", "run-timeout", "reuse", "conflict"} {
		if cmd.Flags().Changed(name) {
			return false, usageError{errWithoutStart(name)}
		}
	}
	return false, nil
}

type errWithoutStart string

func (e errWithoutStart) Error() string { return "--" + string(e) + " needs --with-start TYPE" }

// request makes the start.
func (f *startFlags) request(s *shell, id, requestID string) (ports.StartRequest, error) {
	r := ports.StartRequest{
		Namespace: s.ns(), Type: model.WorkflowType(f.typ), WorkflowID: model.WorkflowID(id), RequestID: model.RequestID(requestID),
		TaskQueue: model.TaskQueue(f.queue), RunTimeout: f.timeout,
	}
	var err error
	if r.Input, err = s.input(f.input); err != nil {
		return r, err
	}
	n, err := choice("--reuse", f.reuse, reusePolicies)
	if err != nil {
		return r, err
	}
	r.Reuse = ports.ReusePolicy(n)
	n, err = choice("--conflict", f.conflict, conflictPolicies)
	r.Conflict = ports.ConflictPolicy(n)
	return r, err
}

// signalWithStart sends a signal, with a start where nothing runs.
func (s *shell) signalWithStart(ctx context.Context, server *server, start ports.StartRequest, name string, value model.Payload) error {
	res, err := server.SignalWithStart(ctx, ports.SignalStartRequest{Start: start, Name: model.SignalName(name), Input: value})
	if err != nil {
		return server.failed(err)
	}
	if s.asJSON() {
		return s.message(wire.EncodeSignalStartResult(res))
	}
	if res.Started {
		s.reportStart(start, res)
	}
	s.say("signal %s recorded for workflow %s, run %s", name, res.WorkflowID, res.Run)
	return nil
}
