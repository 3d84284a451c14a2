package activity_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

const declined = activity.Type("card_declined")

type reason struct{ Code int }

// What an activity returns is recorded and comes back to the workflow as the same error.
func TestErrorRoundTrip(t *testing.T) {
	base := declined.Errorf("card %d: %w", 7, io.ErrUnexpectedEOF)
	full := base.WithDetails(reason{51}).NonRetryable().RetryAfter(time.Minute)
	if !errors.Is(full, declined) || !errors.Is(full, io.ErrUnexpectedEOF) || full.Retryable() || !base.Retryable() || activity.NextDelay(base) != 0 {
		t.Fatalf("%+v %+v", full, base)
	}
	if d := activity.NextDelay(fmt.Errorf("while paying: %w", full)); d != time.Minute {
		t.Error(d)
	}
	for _, err := range []error{full, fmt.Errorf("while paying: %w", full), errors.Join(errors.New("x"), full)} {
		f := activity.FailureOf(err)
		back := activity.ErrorFrom(f)
		var r reason
		if f.Type != string(declined) || f.Retryable || back.Error() != err.Error() || !errors.Is(back, declined) || back.Retryable() {
			t.Errorf("%v: %+v", err, f)
		}
		if err := back.Details(&r); err != nil || r.Code != 51 {
			t.Error(r, err)
		}
		var e *activity.Error
		if !errors.As(error(back), &e) || e.Type != declined {
			t.Error(e)
		}
	}
	if f := activity.FailureOf(declined); f.Type != string(declined) || !f.Retryable || f.Message != string(declined) {
		t.Errorf("%+v", f)
	}
	if f := activity.FailureOf(errors.New("x")); f.Type != "" || !f.Retryable {
		t.Errorf("%+v", f)
	}
}

func TestErrorFrom(t *testing.T) {
	timeout := activity.ErrorFrom(activity.FailureOf(workflow.ErrTimeout{Kind: workflow.ScheduleToClose}))
	if !errors.Is(timeout, workflow.ErrTimeout{Kind: workflow.ScheduleToClose}) || errors.Is(timeout, workflow.ErrTimeout{Kind: workflow.Heartbeat}) {
		t.Error(timeout)
	}
	if canceled := activity.ErrorFrom(activity.FailureOf(workflow.ErrCanceled)); !errors.Is(canceled, workflow.ErrCanceled) {
		t.Error(canceled)
	}
	if err := activity.ErrorFrom(nil); err == nil || err.Error() == "" {
		t.Error(err)
	}
	var r reason
	if err := declined.Errorf("x").Details(&r); err != nil || r != (reason{}) {
		t.Error(r, err)
	}
	if e := declined.Errorf("x").WithDetails(func() {}); e.Message == "x" {
		t.Error(e)
	}
}

// Workers and clients read and write values by the declarations alone.
func TestCodecHooks(t *testing.T) {
	a := activity.Define[reason, string]("A", activity.Options{})
	p, err := a.EncodeInput(reason{3})
	if err != nil {
		t.Fatal(err)
	}
	if in, err := a.DecodeInput(p); err != nil || in.Code != 3 {
		t.Error(in, err)
	}
	if _, err := a.DecodeInput(workflow.Payload{ContentType: "text/plain", Data: []byte("3")}); err == nil {
		t.Error("a foreign content type was decoded")
	}
	w := workflow.Define("W", func(workflow.Context, workflow.None) (reason, error) { return reason{}, nil })
	out, err := a.EncodeResult("x")
	if _, bad := w.DecodeResult(out); err != nil || bad == nil {
		t.Error("a string was decoded as a struct")
	}
	if p, err := w.EncodeInput(workflow.None{}); err != nil || !p.IsZero() {
		t.Error(p, err)
	}
}
