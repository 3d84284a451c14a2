package client

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/internal/contract"
	"github.com/aionrun/aion/sdk/workflow"
)

// A Workflow is a type that can be started: a workflow.Workflow, or Named.
type Workflow[I, O any] interface {
	Name() string
	EncodeInput(in I) (workflow.Payload, error)
	DecodeResult(p workflow.Payload) (O, error)
}

// StartOptions say how to start. The zero value is useful.
type StartOptions struct {
	ID         string         // the workflow ID; "" = one that nobody has
	TaskQueue  string         // of activities that name none; "" = "default"
	RunTimeout time.Duration  // how long the run may take; 0 = no limit
	Reuse      ReusePolicy    // what to do when a closed run has the ID; the default allows it
	Conflict   ConflictPolicy // what to do when an open run has the ID; the default fails
	Header     map[string]string
	// StartDelay lets the code begin later; the run is open at once.
	StartDelay time.Duration
	// ExecutionTimeout is how long the run and what it continues or is repeated as may take together, behind StartDelay; 0 = no limit.
	ExecutionTimeout time.Duration
	// Retry repeats a run that fails, or exceeds RunTimeout, with the same input; the zero policy does not.
	Retry activity.Retry
	// SearchAttributes are what the run is found by; the namespace must declare them.
	SearchAttributes []workflow.AttributeValue

	// Of activities that say nothing else; see activity.Options.
	Priority       int
	FairnessKey    string
	ConcurrencyKey string
}

// ReusePolicy says what a start does when a closed run has the workflow ID.
type ReusePolicy int32

// The kinds of ReusePolicy; 0 is ReuseAllow.
const (
	ReuseAllow         = ReusePolicy(aionv1.WorkflowIdReusePolicy_WORKFLOW_ID_REUSE_POLICY_ALLOW)
	ReuseAllowIfFailed = ReusePolicy(aionv1.WorkflowIdReusePolicy_WORKFLOW_ID_REUSE_POLICY_ALLOW_IF_FAILED)
	ReuseReject        = ReusePolicy(aionv1.WorkflowIdReusePolicy_WORKFLOW_ID_REUSE_POLICY_REJECT)
)

// ConflictPolicy says what a start does when an open run has the workflow ID.
type ConflictPolicy int32

// The kinds of ConflictPolicy; 0 is ConflictFail.
const (
	ConflictFail              = ConflictPolicy(aionv1.WorkflowIdConflictPolicy_WORKFLOW_ID_CONFLICT_POLICY_FAIL)
	ConflictUseExisting       = ConflictPolicy(aionv1.WorkflowIdConflictPolicy_WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING)
	ConflictTerminateExisting = ConflictPolicy(aionv1.WorkflowIdConflictPolicy_WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING)
)

// A Ref names the current run of a workflow ID, or one run where RunID is set.
type Ref struct{ ID, RunID string }

// ID names the current run of a workflow ID.
func ID(id string) Ref { return Ref{ID: id} }

func (r Ref) String() string {
	if r.RunID == "" {
		return fmt.Sprintf("workflow %q", r.ID)
	}
	return fmt.Sprintf("workflow %q run %s", r.ID, r.RunID)
}

func (c *Client) ref(r Ref) *aionv1.WorkflowRef {
	return &aionv1.WorkflowRef{Namespace: c.link.Namespace, WorkflowId: r.ID, RunId: r.RunID}
}

// A Run is a run that was started or is known. Safe for concurrent use.
type Run[O any] struct {
	client  *Client
	ref     Ref
	started bool
	decode  func(workflow.Payload) (O, error)
}

// ID is the workflow ID.
func (r *Run[O]) ID() string { return r.ref.ID }

// RunID is the run's own ID, "" for a run that Get was given by its workflow ID alone.
func (r *Run[O]) RunID() string { return r.ref.RunID }

// Ref names the run for other calls.
func (r *Run[O]) Ref() Ref { return r.ref }

// Started says whether the call started the run: false where it was there before.
func (r *Run[O]) Started() bool { return r.started }

// Get gives a run that is there already, to wait for its result. It calls nothing.
func Get[I, O any](c *Client, w Workflow[I, O], ref Ref) *Run[O] {
	return &Run[O]{client: c, ref: ref, decode: w.DecodeResult}
}

// Start starts a workflow. It returns when the start is durable. Reasons: NoRoute (no package has this type), AlreadyExists,
// RequestIDReused, PayloadTooLarge and those of every call.
func Start[I, O any](ctx context.Context, c *Client, w Workflow[I, O], in I, o StartOptions) (*Run[O], error) {
	run, _, err := start(ctx, c, w, in, o, 0)
	return run, err
}

// Execute starts a workflow and waits for its result, in one call where it ends soon. Errors are those of Start and of Result.
func Execute[I, O any](ctx context.Context, c *Client, w Workflow[I, O], in I, o StartOptions) (O, error) {
	run, outcome, err := start(ctx, c, w, in, o, longPoll)
	if err != nil {
		var none O
		return none, err
	}
	if done(outcome) {
		return run.read(outcome)
	}
	return run.Result(ctx)
}

func start[I, O any](ctx context.Context, c *Client, w Workflow[I, O], in I, o StartOptions, wait time.Duration) (*Run[O], *aionv1.Outcome, error) {
	req, err := startRequest(c, w, in, o)
	if err != nil {
		return nil, nil, err
	}
	if wait > 0 {
		req.Wait = durationpb.New(wait)
	}
	res, err := call(ctx, c.workflows.StartWorkflow, req)
	if err != nil {
		return nil, nil, failed(ctx, err, "start workflow %s", w.Name())
	}
	run := Get(c, w, Ref{ID: res.GetWorkflowId(), RunID: res.GetRunId()})
	run.started = res.GetStarted()
	return run, res.GetOutcome(), nil
}

func startRequest[I, O any](c *Client, w Workflow[I, O], in I, o StartOptions) (*aionv1.StartWorkflowRequest, error) {
	input, err := w.EncodeInput(in)
	if err != nil {
		return nil, fmt.Errorf("start workflow %s: its input: %w", w.Name(), err)
	}
	attributes, err := workflow.EncodeAttributes(o.SearchAttributes...)
	if err != nil {
		return nil, fmt.Errorf("start workflow %s: %w", w.Name(), err)
	}
	req := &aionv1.StartWorkflowRequest{
		Namespace: c.link.Namespace, WorkflowId: o.ID, WorkflowType: w.Name(), Input: contract.Payload(input), TaskQueue: o.TaskQueue,
		ReusePolicy: aionv1.WorkflowIdReusePolicy(o.Reuse), ConflictPolicy: aionv1.WorkflowIdConflictPolicy(o.Conflict), Header: o.Header,
		Priority: int32(min(max(o.Priority, -1<<31), 1<<31-1)), FairnessKey: o.FairnessKey, ConcurrencyKey: o.ConcurrencyKey,
	}
	for name, p := range attributes {
		if req.SearchAttributes == nil {
			req.SearchAttributes = map[string]*aionv1.Payload{}
		}
		req.SearchAttributes[name] = contract.SomePayload(p)
	}
	if o.RunTimeout != 0 {
		req.RunTimeout = durationpb.New(o.RunTimeout)
	}
	o.times(req)
	return req, nil
}

// longPoll is how long one call waits at the server. Proxies cut calls that take much longer.
const longPoll = 50 * time.Second

// Result waits for the end of the run, and of what it continues as, and gives its result. A run that did not complete is a
// *RunError, one that cannot go on a *BlockedError. Reasons: NotFound and those of every call.
func (r *Run[O]) Result(ctx context.Context) (O, error) {
	ref := r.ref
	idle := firstPause
	for {
		asked := time.Now()
		res, err := call(ctx, r.client.workflows.GetResult, &aionv1.GetResultRequest{Workflow: r.client.ref(ref), Wait: durationpb.New(longPoll)})
		if err != nil {
			var none O
			return none, failed(ctx, err, "result of %v", r.ref)
		}
		pending := res.GetOutcome().GetPending()
		switch {
		case done(res.GetOutcome()) && res.GetNextRunId() != "":
			ref.RunID = "" // it failed and is repeated
		case done(res.GetOutcome()):
			return r.read(res.GetOutcome())
		case pending.GetStatus() == aionv1.WorkflowStatus_WORKFLOW_STATUS_CONTINUED_AS_NEW:
			ref.RunID = "" // the rest of the chain
		case time.Since(asked) >= time.Second:
			idle = firstPause
		default:
			// The server answered without waiting. It is not asked again and again.
			if !sleep(ctx, idle) {
				var none O
				return none, fmt.Errorf("result of %v: %w", r.ref, ctx.Err())
			}
			idle = min(2*idle, longestPause)
		}
	}
}

// done says whether there is something to tell: the run has ended, or cannot go on.
func done(o *aionv1.Outcome) bool {
	return o.GetOutcome() != nil && (o.GetPending() == nil || o.GetPending().GetBlocked() != nil)
}

func (r *Run[O]) read(o *aionv1.Outcome) (O, error) {
	p, err := resultOf(r.ref, o)
	if err == nil {
		var out O
		if out, err = r.decode(p); err == nil {
			return out, nil
		}
		err = fmt.Errorf("result of %v: %w", r.ref, err)
	}
	var none O
	return none, err
}
