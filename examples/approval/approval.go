// Package approval waits for a person: a decision that comes as a signal is raced against a timer, and a query shows how far the
// request is. Between its steps nothing of it is in memory, whether the decision takes a second or a month.
package approval

import (
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// Expense is what somebody wants to spend.
type Expense struct {
	What      string `json:"what"`
	Cents     int64  `json:"cents"`
	By        string `json:"by"`
	Approver  string `json:"approver"`
	ExpiresIn int64  `json:"expires_in_seconds"` // 0 = a week
	RemindIn  int64  `json:"remind_in_seconds"`  // 0 = a day
}

// Decision is what the approver says.
type Decision struct {
	Approved bool   `json:"approved"`
	By       string `json:"by"`
	Comment  string `json:"comment"`
}

// Status says how far a request is.
type Status struct {
	State     string    `json:"state"` // asking, waiting, approved, refused, expired
	Reminders int       `json:"reminders"`
	Expires   time.Time `json:"expires"`
	Decision  *Decision `json:"decision,omitempty"`
}

// Message tells a person something.
type Message struct {
	To   string `json:"to"`
	Text string `json:"text"`
}

// What clients and workers meet the workflow by.
var (
	Decide   = workflow.DefineSignal[Decision]("Decide")
	Progress = workflow.DefineQuery[workflow.None, Status]("Progress")
	Notify   = activity.Define[Message, workflow.None]("Notify", activity.Options{StartToClose: 10 * time.Second})
)

// Approve asks the approver, reminds until there is a decision, and gives up when the request expires.
var Approve = workflow.Define("Approve", func(ctx workflow.Context, e Expense) (Status, error) {
	expiry, pause := seconds(e.ExpiresIn, 7*24*time.Hour), seconds(e.RemindIn, 24*time.Hour)
	s := Status{State: "asking", Expires: workflow.Now(ctx).Add(expiry)}
	Progress.Handle(ctx, func(workflow.None) (Status, error) { return s, nil })

	expired := workflow.NewTimer(ctx, expiry)
	defer expired.Cancel()
	if err := notify(ctx, e.Approver, "%s asks for %d.%02d for %s", e.By, e.Cents/100, e.Cents%100, e.What); err != nil {
		return s, err
	}
	s.State = "waiting"
	for s.State == "waiting" {
		remind := false
		err := workflow.Select(ctx,
			Decide.On(func(d Decision, err error) {
				switch {
				case err != nil: // not a decision: go on waiting
				case d.Approved:
					s.State, s.Decision = "approved", &d
				default:
					s.State, s.Decision = "refused", &d
				}
			}),
			workflow.On(expired, func(workflow.None, error) { s.State = "expired" }),
			workflow.After(pause, func() { remind = true }),
		)
		if err != nil {
			return s, err
		}
		if remind {
			s.Reminders++
			if err := notify(ctx, e.Approver, "reminder %d: %s waits for you", s.Reminders, e.By); err != nil {
				return s, err
			}
		}
	}
	return s, notify(ctx, e.By, "%s: %s", e.What, s.State)
})

func notify(ctx workflow.Context, to, format string, args ...any) error {
	_, err := Notify.Execute(ctx, Message{To: to, Text: fmt.Sprintf(format, args...)})
	return err
}

func seconds(n int64, otherwise time.Duration) time.Duration {
	if n <= 0 {
		return otherwise
	}
	return time.Duration(n) * time.Second
}

// Workflows lists what the package offers.
func Workflows() []workflow.Definition { return []workflow.Definition{Approve} }
