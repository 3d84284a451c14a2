package ports

import (
	"time"

	"github.com/aionrun/aion/domain/model"
)

// QueueSettings are what an operator has set for a task queue. Zero fields limit nothing, or mean the default that is named.
type QueueSettings struct {
	Namespace model.Namespace
	Name      model.TaskQueue

	Rate  float64 // tasks handed out per second; 0 = as many as there are slots
	Burst int     // how many of them may follow each other at once; 0 = a tenth of a second's worth, at least 1
	// Weight is how many tasks a worker of several queues or namespaces takes from this one in its turn; 0 = 1.
	Weight int
	// KeyLimit is how many tasks of one concurrency key are with workers at once; 0 = 1. KeyLimits say it for single keys.
	KeyLimit  int
	KeyLimits map[string]int
	// FairnessWeights say how often flows of the fairness keys have their turn; those that are not named have 1.
	FairnessWeights map[string]int
}

// IsZero says whether nothing is set.
func (s *QueueSettings) IsZero() bool {
	return s.Rate == 0 && s.Burst == 0 && s.Weight == 0 && s.KeyLimit == 0 && len(s.KeyLimits) == 0 && len(s.FairnessWeights) == 0
}

// KeyStatus shows a concurrency key of a task queue.
type KeyStatus struct {
	Name    string
	Limit   int
	Holders []TaskHolder // at most 100 of them, by age
	Held    int
	Waiting int
	Oldest  time.Time // of those that wait; zero: nothing waits
}

// FlowStatus shows a fairness key of which tasks wait that could be handed out.
type FlowStatus struct {
	Name    string
	Weight  int
	Waiting int
}

// QueueDescription shows who waits in a task queue, and for what. Keys and flows are the first 1000 of them, those with the most waiting first.
type QueueDescription struct {
	QueueStatus
	Keys  []KeyStatus
	Flows []FlowStatus
}

// TaskHolder shows who holds a place of a concurrency key.
type TaskHolder struct {
	WorkflowID model.WorkflowID
	Run        model.RunID
	Ordinal    model.Ordinal
	Type       model.ActivityType
	Worker     string
}

// TaskOrder is the order of a backlog row: tasks of higher priority before those of lower, and by age (n, ascending in commit order, below 2^58) among
// those of one priority. Rows of versions before priorities existed sort before all others.
func TaskOrder(priority int32, n int64) int64 {
	return int64(model.MaxPriority-min(max(priority, model.MinPriority), model.MaxPriority))<<58 | n
}

// TaskPriority is the priority in an order.
func TaskPriority(order int64) int32 {
	return max(model.MaxPriority-int32(order>>58), model.MinPriority)
}
