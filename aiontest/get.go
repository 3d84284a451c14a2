package aiontest

import (
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

// Get gives the current run of a workflow ID, for one that was not started by Start: a fork, a child, the next run of a chain.
func Get[I, O any](env *Env, w workflow.Workflow[I, O], id string) *Run[O] {
	return &Run[O]{env: env, ref: ports.WorkflowRef{WorkflowID: model.WorkflowID(id)}, decode: w.DecodeResult}
}
