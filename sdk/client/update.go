package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/internal/contract"
	"github.com/aionrun/aion/sdk/workflow"
)

// An UpdateKind can be asked of a run: a workflow.Update, or Named.
type UpdateKind[I, O any] interface {
	Name() string
	EncodeInput(in I) (workflow.Payload, error)
	DecodeResult(p workflow.Payload) (O, error)
}

// UpdateOptions say how to send an update. The zero value is useful.
type UpdateOptions struct {
	ID     string // the update's ID, for a caller that may ask again after its own restart; "" = one that nobody has
	Header map[string]string
}

// A PendingUpdate is an update that was accepted. Safe for concurrent use.
type PendingUpdate[O any] struct {
	client *Client
	ref    Ref
	id     string
	status *aionv1.UpdateStatus // how it stood when it was accepted; nil = not known
	decode func(workflow.Payload) (O, error)
}

// ID is the update's ID.
func (u *PendingUpdate[O]) ID() string { return u.id }

// Ref names the run that accepted it.
func (u *PendingUpdate[O]) Ref() Ref { return u.ref }

// UpdateError is an update that was accepted and ended without a result. errors.Is and errors.As find in it what the workflow returned. Closed says
// that its run closed or continued as a new one first.
type UpdateError struct {
	Ref    Ref
	ID     string
	Closed bool
	err    error
}

// Error says which update failed, and why.
func (e *UpdateError) Error() string {
	return fmt.Sprintf("update %q of %v failed: %v", e.ID, e.Ref, e.err)
}

// Unwrap gives the workflow's error.
func (e *UpdateError) Unwrap() error { return e.err }

// Update asks the open run of a workflow to do something and waits for its answer. What the workflow answered with an error is an *UpdateError,
// an update whose run cannot go on a *BlockedError. Reasons: UpdateRejected (the workflow's validator said no, or it handles no such update; nothing
// was recorded), NotFound, NotRunning, Blocked, QuotaExceeded, PayloadTooLarge and those of every call.
func Update[I, O any](ctx context.Context, c *Client, ref Ref, u UpdateKind[I, O], in I) (O, error) {
	pending, err := startUpdate(ctx, c, ref, u, in, UpdateOptions{}, longPoll)
	if err != nil {
		var none O
		return none, err
	}
	return pending.Result(ctx)
}

// StartUpdate is Update, except that it returns as soon as the update is accepted and recorded.
func StartUpdate[I, O any](ctx context.Context, c *Client, ref Ref, u UpdateKind[I, O], in I, o UpdateOptions) (*PendingUpdate[O], error) {
	return startUpdate(ctx, c, ref, u, in, o, 0)
}

// GetUpdate gives an update that was accepted before, to wait for its result. It calls nothing.
func GetUpdate[I, O any](c *Client, u UpdateKind[I, O], ref Ref, id string) *PendingUpdate[O] {
	return &PendingUpdate[O]{client: c, ref: ref, id: id, decode: u.DecodeResult}
}

func startUpdate[I, O any](ctx context.Context, c *Client, ref Ref, u UpdateKind[I, O], in I, o UpdateOptions, wait time.Duration) (*PendingUpdate[O], error) {
	input, err := u.EncodeInput(in)
	if err != nil {
		return nil, fmt.Errorf("update %s of %v: its input: %w", u.Name(), ref, err)
	}
	req := &aionv1.UpdateWorkflowRequest{Workflow: c.ref(ref), UpdateId: o.ID, Name: u.Name(), Input: contract.Payload(input), Header: o.Header}
	if wait > 0 {
		req.Wait = durationpb.New(wait)
	}
	res, err := call(ctx, c.workflows.UpdateWorkflow, req)
	if err != nil {
		return nil, failed(ctx, err, "update %s of %v", u.Name(), ref)
	}
	return pendingUpdate(c, u, ref, res.GetUpdate()), nil
}

func pendingUpdate[I, O any](c *Client, u UpdateKind[I, O], ref Ref, s *aionv1.UpdateStatus) *PendingUpdate[O] {
	p := GetUpdate(c, u, Ref{ID: ref.ID, RunID: s.GetRunId()}, s.GetUpdateId())
	p.status = s
	return p
}

// UpdateWithStart asks the open run of the workflow that o.ID names, or a run that it starts, to do something, and returns when that is
// accepted. An open run is used unless o.Conflict says otherwise. A rejected update leaves the started run behind. Reasons: those of Start and Update.
func UpdateWithStart[I, O, UI, UO any](ctx context.Context, c *Client, w Workflow[I, O], in I, o StartOptions, u UpdateKind[UI, UO], v UI, uo UpdateOptions) (*Run[O], *PendingUpdate[UO], error) {
	req, err := startRequest(c, w, in, o)
	if err != nil {
		return nil, nil, err
	}
	input, err := u.EncodeInput(v)
	if err != nil {
		return nil, nil, fmt.Errorf("update %s with start of workflow %s: its input: %w", u.Name(), w.Name(), err)
	}
	res, err := call(ctx, c.workflows.UpdateWithStartWorkflow, &aionv1.UpdateWithStartWorkflowRequest{
		Start: req, UpdateId: uo.ID, Name: u.Name(), Input: contract.Payload(input), Header: uo.Header,
	})
	if err != nil {
		return nil, nil, failed(ctx, err, "update %s with start of workflow %s", u.Name(), w.Name())
	}
	run := Get(c, w, Ref{ID: res.GetWorkflowId(), RunID: res.GetRunId()})
	run.started = res.GetStarted()
	return run, pendingUpdate(c, u, run.ref, res.GetUpdate()), nil
}

// Result waits for the answer. Errors are those of Update.
func (u *PendingUpdate[O]) Result(ctx context.Context) (O, error) {
	var none O
	status := u.status
	for idle := firstPause; ; {
		if status != nil {
			if out, err, ended := u.read(status); ended {
				return out, err
			}
		}
		asked := time.Now()
		res, err := call(ctx, u.client.workflows.GetUpdate, &aionv1.GetUpdateRequest{Workflow: u.client.ref(u.ref), UpdateId: u.id, Wait: durationpb.New(longPoll)})
		if err != nil {
			return none, failed(ctx, err, "update %q of %v", u.id, u.ref)
		}
		if status = res.GetUpdate(); status.GetOutcome() == nil && status.GetBlocked() == nil && time.Since(asked) < time.Second {
			// The server answered without waiting. It is not asked again and again.
			if !sleep(ctx, idle) {
				return none, fmt.Errorf("update %q of %v: %w", u.id, u.ref, ctx.Err())
			}
			idle = min(2*idle, longestPause)
		}
	}
}

// read gives what an update ended with; ended is false while it has not.
func (u *PendingUpdate[O]) read(s *aionv1.UpdateStatus) (out O, err error, ended bool) {
	switch v := s.GetOutcome().(type) {
	case *aionv1.UpdateStatus_Completed:
		if out, err = u.decode(contract.ReadPayload(v.Completed)); err != nil {
			err = fmt.Errorf("update %q of %v: its result: %w", u.id, u.ref, err)
		}
		return out, err, true
	case *aionv1.UpdateStatus_Failed:
		f := contract.ReadFailure(v.Failed)
		return out, &UpdateError{Ref: u.ref, ID: u.id, Closed: f.Type == "aion.run_closed" || f.Type == "aion.run_continued", err: activity.ErrorFrom(f)}, true
	}
	if s.GetBlocked() == nil {
		return out, nil, false
	}
	_, err = resultOf(u.ref, &aionv1.Outcome{Outcome: &aionv1.Outcome_Pending{Pending: &aionv1.OutcomePending{Blocked: s.GetBlocked()}}})
	return out, err, true
}

// Rejected says whether an update was rejected, with the type of the error that its validator gave, "" where it had none.
func Rejected(err error) (errorType string, ok bool) {
	var e *Error
	if !errors.As(err, &e) || e.Reason != UpdateRejected {
		return "", false
	}
	return e.Metadata["failure_type"], true
}
