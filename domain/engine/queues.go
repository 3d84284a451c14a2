package engine

import (
	"context"
	"math"

	"github.com/aionrun/aion/domain/dispatch"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Bounds of what may be set for a queue.
const (
	maxNamedKeys = 10_000
	maxKeyLimit  = 1_000_000
	maxWeight    = 1000
)

// loadQueues tells the dispatcher what operators have set.
func (e *Engine) loadQueues(ctx context.Context) error {
	all, err := e.store.QueueSettings(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		e.dispatch.Set(dispatch.QueueKey{Namespace: all[i].Namespace, Queue: all[i].Name}, &all[i])
	}
	return nil
}

// TaskQueues lists task queues that have workers, tasks or settings.
func (e *Engine) TaskQueues(ctx context.Context, ns model.Namespace) ([]ports.QueueStatus, error) {
	if ns != "" {
		if _, err := e.ns.Resolve(ctx, ns, false); err != nil {
			return nil, err
		}
	}
	return e.dispatch.Queues(ns), nil
}

func (e *Engine) queueName(ctx context.Context, ns model.Namespace, name model.TaskQueue) (dispatch.QueueKey, error) {
	ns, err := e.ns.Resolve(ctx, ns, false)
	if err == nil {
		err = model.ValidateID("task queue", string(name))
	}
	return dispatch.QueueKey{Namespace: ns, Queue: name}, err
}

// TaskQueue implements ports.Operator.
func (e *Engine) TaskQueue(ctx context.Context, ns model.Namespace, name model.TaskQueue) (ports.QueueDescription, error) {
	k, err := e.queueName(ctx, ns, name)
	if err != nil {
		return ports.QueueDescription{}, err
	}
	return e.dispatch.Queue(k), nil
}

// SetTaskQueue implements ports.Operator.
func (e *Engine) SetTaskQueue(ctx context.Context, s ports.QueueSettings) error {
	if err := e.accepting(); err != nil {
		return err
	}
	k, err := e.queueName(ctx, s.Namespace, s.Name)
	if err != nil {
		return err
	}
	s.Namespace = k.Namespace
	if err := checkSettings(&s); err != nil {
		return err
	}
	// One after the other, so that the store and the dispatcher agree on which was the last.
	e.setting.Lock()
	defer e.setting.Unlock()
	if err := e.store.PutQueueSettings(ctx, s); err != nil {
		return err
	}
	if s.IsZero() {
		e.dispatch.Set(k, nil)
	} else {
		e.dispatch.Set(k, &s)
	}
	return nil
}

func checkSettings(s *ports.QueueSettings) error {
	switch {
	case s.Rate < 0 || s.Rate > 1e6 || math.IsNaN(s.Rate):
		return fault.Invalidf("the rate of task queue %q is %v; it must be at most 1000000 tasks per second, or 0 for none", s.Name, s.Rate)
	case s.Rate > 0 && s.Rate < 1e-6:
		return fault.Invalidf("the rate of task queue %q is %v: that is less than one task in eleven days", s.Name, s.Rate)
	case s.Burst < 0 || s.Burst > 1_000_000 || s.Burst > 0 && s.Rate == 0:
		return fault.Invalidf("the burst of task queue %q is %d; it must be at most 1000000, and there must be a rate", s.Name, s.Burst)
	case s.Weight < 0 || s.Weight > maxWeight:
		return fault.Invalidf("the weight of task queue %q is %d; it must be 1 to %d", s.Name, s.Weight, maxWeight)
	case s.KeyLimit < 0 || s.KeyLimit > maxKeyLimit:
		return fault.Invalidf("the limit of concurrency keys of task queue %q is %d; it must be 1 to %d", s.Name, s.KeyLimit, maxKeyLimit)
	case len(s.KeyLimits)+len(s.FairnessWeights) > maxNamedKeys:
		return fault.Invalidf("task queue %q names %d keys; at most %d are allowed", s.Name, len(s.KeyLimits)+len(s.FairnessWeights), maxNamedKeys)
	}
	for name, n := range s.KeyLimits {
		if err := model.ValidateID("concurrency key", name); err != nil {
			return err
		}
		if n < 1 || n > maxKeyLimit {
			return fault.Invalidf("the limit of concurrency key %q is %d; it must be 1 to %d", name, n, maxKeyLimit)
		}
	}
	for name, n := range s.FairnessWeights {
		if name != "" {
			if err := model.ValidateID("fairness key", name); err != nil {
				return err
			}
		}
		if n < 1 || n > maxWeight {
			return fault.Invalidf("the weight of fairness key %q is %d; it must be 1 to %d", name, n, maxWeight)
		}
	}
	return nil
}
