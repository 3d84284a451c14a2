package client

import (
	"context"
	"iter"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/workflow"
)

// Cancel asks a run to end; its code decides how. Asking twice changes nothing. Reasons: NotFound, NotRunning.
func (c *Client) Cancel(ctx context.Context, ref Ref, reason string) error {
	_, err := call(ctx, c.workflows.CancelWorkflow, &aionv1.CancelWorkflowRequest{Workflow: c.ref(ref), Reason: reason})
	return failed(ctx, err, "cancel %v", ref)
}

// Terminate closes a run at once; none of its code runs, also none that cleans up. Reasons: NotFound, NotRunning.
func (c *Client) Terminate(ctx context.Context, ref Ref, reason string) error {
	_, err := call(ctx, c.workflows.TerminateWorkflow, &aionv1.TerminateWorkflowRequest{Workflow: c.ref(ref), Reason: reason})
	return failed(ctx, err, "terminate %v", ref)
}

// Pause holds a run: what arrives is recorded, but its code makes no step and none of its activities is handed out until Resume. Pausing
// twice changes nothing. Reasons: NotFound, NotRunning.
func (c *Client) Pause(ctx context.Context, ref Ref, reason string) error {
	_, err := call(ctx, c.workflows.PauseWorkflow, &aionv1.PauseWorkflowRequest{Workflow: c.ref(ref), Reason: reason})
	return failed(ctx, err, "pause %v", ref)
}

// Resume lets a paused run go on. One that is not paused stays as it is. Reasons: NotFound, NotRunning.
func (c *Client) Resume(ctx context.Context, ref Ref, reason string) error {
	_, err := call(ctx, c.workflows.ResumeWorkflow, &aionv1.ResumeWorkflowRequest{Workflow: c.ref(ref), Reason: reason})
	return failed(ctx, err, "resume %v", ref)
}

// Result waits for the end of a run and gives its result as it is. Errors are those of Run.Result.
func (c *Client) Result(ctx context.Context, ref Ref) (workflow.Payload, error) {
	return Get(c, Named(""), ref).Result(ctx)
}

// Describe shows a run: what it waits for and why. Reasons: NotFound.
func (c *Client) Describe(ctx context.Context, ref Ref) (*aionv1.DescribeWorkflowResponse, error) {
	res, err := call(ctx, c.workflows.DescribeWorkflow, &aionv1.DescribeWorkflowRequest{Workflow: c.ref(ref)})
	return res, failed(ctx, err, "describe %v", ref)
}

// A Filter selects runs; empty fields do not restrict.
type Filter struct {
	ID      string // the workflow ID: all runs of its chain
	Type    string
	Status  aionv1.WorkflowStatus
	Blocked bool // only runs that are Blocked
	// Where is a filter, which may also say in which order runs come: "customer = 'a' and started_at > now() - 1h order by amount desc".
	Where  string
	Paused bool // only runs that are paused
}

// List gives the runs that match, newest start first, page by page as they are asked for. It ends with the first error.
func (c *Client) List(ctx context.Context, f Filter) iter.Seq2[*aionv1.WorkflowRun, error] {
	return func(yield func(*aionv1.WorkflowRun, error) bool) {
		for token := ""; ; {
			res, err := call(ctx, c.workflows.ListWorkflows, &aionv1.ListWorkflowsRequest{
				Namespace: c.link.Namespace, PageToken: token, PageSize: 1000, WorkflowType: f.Type, Status: f.Status, WorkflowId: f.ID, Blocked: f.Blocked, Filter: f.Where, Paused: f.Paused,
			})
			if err != nil {
				yield(nil, failed(ctx, err, "list workflows"))
				return
			}
			for _, r := range res.GetRuns() {
				if !yield(r, nil) {
					return
				}
			}
			if token = res.GetNextPageToken(); token == "" {
				return
			}
		}
	}
}

// Count counts runs by type and status; of the filter only these two and Where count. With Where there are no groups, and the count is exact up
// to 10,000: AtLeast says that there are more.
func (c *Client) Count(ctx context.Context, f Filter) (*aionv1.CountWorkflowsResponse, error) {
	res, err := call(ctx, c.workflows.CountWorkflows, &aionv1.CountWorkflowsRequest{Namespace: c.link.Namespace, WorkflowType: f.Type, Status: f.Status, Filter: f.Where})
	return res, failed(ctx, err, "count workflows")
}

// History gives a run's events from the first to the last that is there now, page by page as they are asked for. It ends with the
// first error. Reasons: NotFound.
func (c *Client) History(ctx context.Context, ref Ref) iter.Seq2[*aionv1.HistoryEvent, error] {
	return func(yield func(*aionv1.HistoryEvent, error) bool) {
		for from := uint32(1); from != 0; {
			res, err := call(ctx, c.workflows.GetHistory, &aionv1.GetHistoryRequest{Workflow: c.ref(ref), FromSeq: from})
			if err != nil {
				yield(nil, failed(ctx, err, "history of %v", ref))
				return
			}
			for _, e := range res.GetEvents() {
				if !yield(e, nil) {
					return
				}
			}
			from, ref.RunID = res.GetNextSeq(), res.GetRunId() // all pages are of the same run
		}
	}
}
