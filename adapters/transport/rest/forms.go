package rest

import (
	"net/http"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// start answers 200 with the result of a run that completed in time, 202 with the IDs of one that has not ended, and 422 with the
// Failure of one that ended in another way.
func (c *call) start() error {
	wait, err := c.duration("wait")
	if err != nil {
		return err
	}
	timeout, err := c.duration("run_timeout")
	if err != nil {
		return err
	}
	reuse, err := policy[ports.ReusePolicy](c, "reuse_policy", "WORKFLOW_ID_REUSE_POLICY_", aionv1.WorkflowIdReusePolicy_value)
	if err != nil {
		return err
	}
	conflict, err := policy[ports.ConflictPolicy](c, "conflict_policy", "WORKFLOW_ID_CONFLICT_POLICY_", aionv1.WorkflowIdConflictPolicy_value)
	if err != nil {
		return err
	}
	out, err := c.Service.Start(c.r.Context(), ports.StartRequest{
		Namespace: c.namespace, WorkflowID: model.WorkflowID(c.params.Get("workflow_id")), Type: model.WorkflowType(c.name), Input: c.input,
		RequestID: c.requestID(), TaskQueue: model.TaskQueue(c.params.Get("task_queue")), Wait: wait, RunTimeout: timeout,
		Reuse: reuse, Conflict: conflict, Header: c.trace(), Identity: c.identity,
	})
	if err != nil {
		return err
	}
	c.ids(out.WorkflowID, out.Run)
	if out.Outcome == nil {
		c.outcome("pending")
		c.message(http.StatusAccepted, wire.EncodeStartResult(out))
		return nil
	}
	switch o := *out.Outcome; o.Status {
	case model.StatusCompleted:
		c.outcome("completed")
		c.payload(o.Result)
	case model.StatusFailed:
		c.failed("failed", o.Failure)
	case model.StatusCanceled:
		c.failed("canceled", &model.Failure{Type: model.FailureCanceled, Message: "the run was canceled", Details: o.Result})
	case model.StatusTerminated:
		c.failed("terminated", &model.Failure{Type: "aion.terminated", Message: strings.TrimSuffix("the run was terminated: "+o.Reason, ": ")})
	case model.StatusTimedOut:
		c.failed("timed_out", &model.Failure{Type: model.FailureTimeout, Message: "timed out: " + o.Timeout.String()})
	default:
		c.outcome("pending")
		c.message(http.StatusAccepted, wire.EncodeStartResult(out))
	}
	return nil
}

func (c *call) failed(outcome string, f *model.Failure) {
	c.outcome(outcome)
	var m proto.Message = wire.EncodeFailure(f)
	if f == nil {
		m = &aionv1.Failure{}
	}
	c.message(http.StatusUnprocessableEntity, m)
}

// policy reads an enum's name without its prefix, in lower case.
func policy[T ~uint8](c *call, param, prefix string, values map[string]int32) (T, error) {
	v := c.params.Get(param)
	if v == "" {
		return 0, nil
	}
	n, ok := values[prefix+strings.ToUpper(v)]
	if !ok || n == 0 || v != strings.ToLower(v) {
		var known []string
		for i := int32(1); i < int32(len(values)); i++ {
			for name, n := range values {
				if n == i {
					known = append(known, strings.ToLower(strings.TrimPrefix(name, prefix)))
				}
			}
		}
		return 0, fault.Invalidf("%s=%s is not known", param, v).Hinted("there are %s", strings.Join(known, ", "))
	}
	return T(n), nil
}

func (c *call) ref() ports.WorkflowRef {
	return ports.WorkflowRef{Namespace: c.namespace, WorkflowID: model.WorkflowID(c.name), Run: model.RunID(c.params.Get("run_id"))}
}

// signal answers 200 with the run's ID when the signal is recorded.
func (c *call) signal() error {
	run, err := c.Service.Signal(c.r.Context(), ports.SignalRequest{
		Ref: c.ref(), Name: model.SignalName(c.params.Get("name")), Input: c.input, RequestID: c.requestID(), Identity: c.identity, Header: c.trace(),
	})
	if err != nil {
		return err
	}
	c.ids(model.WorkflowID(c.name), run)
	c.outcome("recorded")
	c.message(http.StatusOK, &aionv1.SignalWorkflowResponse{RunId: string(run)})
	return nil
}

// query answers 200 with what the run answers.
func (c *call) query() error {
	out, err := c.Service.Query(c.r.Context(), ports.QueryRequest{Ref: c.ref(), Name: model.QueryName(c.params.Get("name")), Input: c.input})
	if err != nil {
		return err
	}
	c.ids(model.WorkflowID(c.name), out.Run)
	c.asOf(out.AsOf)
	c.outcome("answered")
	c.payload(out.Output)
	return nil
}
