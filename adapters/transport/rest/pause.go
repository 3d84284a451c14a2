package rest

import (
	"context"
	"net/http"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// pause answers 200 with the run's ID when the run is paused.
func (c *call) pause() error { return c.hold(c.Service.Pause, "paused") }

// resume answers 200 with the run's ID when the run is not paused any more.
func (c *call) resume() error { return c.hold(c.Service.Resume, "resumed") }

func (c *call) hold(do func(context.Context, ports.EndRequest) (model.RunID, error), outcome string) error {
	run, err := do(c.r.Context(), ports.EndRequest{Ref: c.ref(), Reason: c.params.Get("reason"), RequestID: c.requestID(), Identity: c.identity})
	if err != nil {
		return err
	}
	c.ids(model.WorkflowID(c.name), run)
	c.outcome(outcome)
	c.message(http.StatusOK, &aionv1.PauseWorkflowResponse{RunId: string(run)})
	return nil
}
