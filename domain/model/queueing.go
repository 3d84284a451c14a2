package model

import "github.com/aionrun/aion/domain/fault"

// ValidateQueueing checks what a start or an activity says of its place in a task queue. Zero values mean nothing is said.
func ValidateQueueing(priority int32, fairness, concurrency string) error {
	if priority < MinPriority || priority > MaxPriority {
		return fault.Invalidf("the priority is %d; it must be between %d and %d, of which the higher is handed out first", priority, MinPriority, MaxPriority)
	}
	if fairness != "" {
		if err := ValidateID("fairness key", fairness); err != nil {
			return err
		}
	}
	if concurrency != "" {
		return ValidateID("concurrency key", concurrency)
	}
	return nil
}
