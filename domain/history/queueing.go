package history

import (
	"github.com/aionrun/aion/domain/model"
)

// queueing completes what an activity says of its place in the queue by what its run says.
func queueing(o *model.ActivityOptions, run *Started) error {
	if o.Priority == 0 {
		o.Priority = run.Priority
	}
	if o.FairnessKey == "" {
		o.FairnessKey = run.FairnessKey
	}
	if o.ConcurrencyKey == "" {
		o.ConcurrencyKey = run.ConcurrencyKey
	}
	return model.ValidateQueueing(o.Priority, o.FairnessKey, o.ConcurrencyKey)
}
