package client

import (
	"context"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
)

// ForkOptions say where and how a run forks. The zero value forks behind the last activation, with the same code, to a workflow ID that nobody has.
type ForkOptions struct {
	AtSeq          uint32 // the event Activated of the last activation that is copied; 0 = the last one after which the run was open
	ID             string // the new workflow ID; that of the run itself when it is closed
	Package        string // its hash; "" = that of the run
	ReapplySignals bool   // give the new run the signals that the run got later
	Reason         string
}

// Fork makes a new run of the beginning of another one, open or closed, which stays as it is. Activities that were pending there are done again.
// Reasons: NotFound, InvalidInput, AlreadyExists, Blocked (the package does not replay what is copied).
func (c *Client) Fork(ctx context.Context, ref Ref, o ForkOptions) (Ref, error) {
	res, err := call(ctx, c.workflows.ForkWorkflow, &aionv1.ForkWorkflowRequest{
		Workflow: c.ref(ref), AtSeq: o.AtSeq, NewWorkflowId: o.ID, Package: o.Package, ReapplySignals: o.ReapplySignals, Reason: o.Reason,
	})
	if err != nil {
		return Ref{}, failed(ctx, err, "fork %v", ref)
	}
	return Ref{ID: res.GetWorkflowId(), RunID: res.GetRunId()}, nil
}
