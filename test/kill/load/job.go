package load

import (
	"context"
	"fmt"
	"time"
)

func (j Job) answer() int64 { return j.N*j.N + 1 }

// Do is what a worker does for Work and Undo, in the given attempt.
func (j Job) Do(ctx context.Context, attempt uint32) (int64, error) {
	if j.TakesMS > 0 {
		select {
		case <-time.After(time.Duration(j.TakesMS) * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	if attempt <= uint32(j.FailTill) {
		return 0, fmt.Errorf("attempt %d fails, as it has to until %d", attempt, j.FailTill)
	}
	return j.answer(), nil
}
