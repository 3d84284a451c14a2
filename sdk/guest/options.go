package guest

import (
	"math"
	"time"
)

// ActivityOptions are the recorded options of one scheduled activity. Zero timeouts mean "no limit".
type ActivityOptions struct {
	TaskQueue       string
	ScheduleToStart time.Duration
	StartToClose    time.Duration
	ScheduleToClose time.Duration
	Heartbeat       time.Duration
	Retry           RetryPolicy
	Cancellation    CancellationType
	AtMostOnce      bool
	Priority        int32
	FairnessKey     string
	ConcurrencyKey  string
}

// RetryPolicy says how the attempts of an activity are repeated. A zero field means the default: 1 s, 2.0, 100 × InitialInterval, no limit.
type RetryPolicy struct {
	InitialInterval   time.Duration
	Coefficient       float64
	MaximumInterval   time.Duration
	MaximumAttempts   uint32
	NonRetryableTypes []string
}

// CancellationType says what happens to an activity that the workflow cancels. The numbers are those of aion.v1.CancellationType.
type CancellationType uint8

// The cancellation types: try tells the worker and goes on at once, wait goes on with what the activity finally answers,
// abandon goes on at once and does not tell the worker.
const (
	CancelTry CancellationType = iota
	CancelWait
	CancelAbandon
)

// append writes an aion.v1.ActivityOptions field; without any option set it is not written.
func (o *ActivityOptions) append(b []byte, num int) []byte {
	start := len(b)
	b, mark := openMessage(b, num)
	empty := len(b)
	b = appendString(b, 1, o.TaskQueue)
	b = appendDuration(b, 2, o.ScheduleToStart)
	b = appendDuration(b, 3, o.StartToClose)
	b = appendDuration(b, 4, o.ScheduleToClose)
	b = appendDuration(b, 5, o.Heartbeat)
	b = o.Retry.append(b, 6)
	b = appendUint(b, 7, uint64(o.Cancellation))
	b = appendBool(b, 8, o.AtMostOnce)
	b = appendUint(b, 9, uint64(int64(o.Priority)))
	b = appendString(b, 10, o.FairnessKey)
	b = appendString(b, 11, o.ConcurrencyKey)
	if len(b) == empty {
		return b[:start]
	}
	return closeMessage(b, mark)
}

func (p *RetryPolicy) append(b []byte, num int) []byte {
	start := len(b)
	b, mark := openMessage(b, num)
	empty := len(b)
	b = appendDuration(b, 1, p.InitialInterval)
	if p.Coefficient != 0 {
		b = append(b, 2<<3|wireFixed64)
		for v, i := math.Float64bits(p.Coefficient), 0; i < 8; i++ {
			b = append(b, byte(v>>(8*i)))
		}
	}
	b = appendDuration(b, 3, p.MaximumInterval)
	b = appendUint(b, 4, uint64(p.MaximumAttempts))
	for _, t := range p.NonRetryableTypes {
		b = appendString(b, 5, t)
	}
	if len(b) == empty {
		return b[:start]
	}
	return closeMessage(b, mark)
}
