package transporttest

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// Every reason arrives as what it is, with everything that its fault carries, from unary calls and from streams.
func testErrors(t *testing.T, dial Dial) {
	var reply error
	s := &Service{Reply: func(context.Context, Call) (any, error) { return nil, reply }}
	client := dial(t, setup(s))
	for _, r := range fault.Reasons() {
		t.Run(r.String(), func(t *testing.T) {
			want := &fault.Error{
				Reason: r, Op: "start", Message: "it is 100% so: “é”\nsecond line", Hint: "do é", RetryAfter: 1500 * time.Millisecond,
				Metadata: map[string]string{"known_types": "A, B", "é": "日本"},
			}
			reply = want
			_, err := client.Start(bounded(t), ports.StartRequest{})
			sameFault(t, err, want)
			_, err = client.Register(bounded(t), registration())
			sameFault(t, err, want)
		})
	}
	t.Run("FromEveryMethod", func(t *testing.T) {
		want := fault.NotFoundf("it is not there").Hinted("look elsewhere")
		reply = want
		for _, c := range trips() {
			_, err := c.call(bounded(t), client)
			sameFault(t, err, want)
		}
	})
	t.Run("CauseIsTold", func(t *testing.T) {
		reply = fault.Wrap(fault.InvalidInput, errors.New("bad digit"), "the input is bad")
		_, err := client.Start(bounded(t), ports.StartRequest{})
		wantReason(t, err, fault.InvalidInput)
		if !strings.Contains(err.Error(), "the input is bad: bad digit") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("InternalKeepsItsCause", func(t *testing.T) {
		for _, reply = range []error{errors.New("secret"), fault.Wrap(fault.Internal, errors.New("secret"), "it broke")} {
			_, err := client.Start(bounded(t), ports.StartRequest{})
			wantReason(t, err, fault.Internal)
			if strings.Contains(err.Error(), "secret") {
				t.Fatalf("the error tells its cause: %v", err)
			}
		}
	})
	t.Run("InsideReasonsStayInside", func(t *testing.T) {
		for _, r := range []fault.Reason{fault.UnknownOutcome, fault.Stale} {
			reply = fault.New(r, "it is unclear")
			_, err := client.Start(bounded(t), ports.StartRequest{})
			wantReason(t, err, fault.Unavailable)
		}
	})
	t.Run("HugeAndInvalidText", func(t *testing.T) {
		reply = fault.New(fault.NoRoute, "no\xffroute %s", strings.Repeat("é", 100_000)).Hinted("%s", strings.Repeat("h", 100_000)).With("k\xff", strings.Repeat("v", 100_000))
		_, err := client.Start(bounded(t), ports.StartRequest{})
		wantReason(t, err, fault.NoRoute)
		if !strings.HasPrefix(err.Error(), "no\uFFFDroute éé") {
			t.Fatalf("got %.80q", err.Error())
		}
	})
	t.Run("Panic", func(t *testing.T) {
		panics := dial(t, setup(&Service{Reply: func(context.Context, Call) (any, error) { panic("secret") }}))
		_, err := panics.Start(bounded(t), ports.StartRequest{})
		wantReason(t, err, fault.Internal)
		_, rerr := panics.Register(bounded(t), registration())
		wantReason(t, rerr, fault.Internal)
		if strings.Contains(err.Error()+rerr.Error(), "secret") {
			t.Fatalf("the errors tell their cause: %v; %v", err, rerr)
		}
	})
}

func sameFault(t *testing.T, err error, want *fault.Error) {
	t.Helper()
	var got *fault.Error
	if !errors.As(err, &got) {
		t.Fatalf("got %v, which is no fault; want %v", err, want)
	}
	bare := fault.Error{Op: want.Op, Message: want.Message}
	if got.Reason != want.Reason || got.Message != bare.Error() || got.Hint != want.Hint || got.RetryAfter != want.RetryAfter || !maps.Equal(got.Metadata, want.Metadata) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

// The service knows who calls, and is not called by anybody who is not let in.
func testIdentity(t *testing.T, dial Dial) {
	t.Run("OK", func(t *testing.T) {
		s := &Service{Reply: func(_ context.Context, c Call) (any, error) {
			if c.Method == "Register" {
				return NewSession(ports.WorkerInfo{}), nil
			}
			return nil, nil
		}}
		client := dial(t, setup(s))
		for _, c := range trips() {
			_, _ = c.call(bounded(t), client) // only who called counts here
		}
		w, err := client.Register(bounded(t), registration())
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		calls := s.Calls()
		if len(calls) != len(trips())+1 {
			t.Fatalf("%d calls, want %d", len(calls), len(trips())+1)
		}
		for _, c := range calls {
			if c.Principal.Subject != Subject || !c.Principal.Allows("any", ports.RoleAdmin) {
				t.Errorf("%s: the caller is %+v", c.Method, c.Principal)
			}
		}
	})
	t.Run("ErrUnauthenticated", func(t *testing.T) {
		s := &Service{}
		closed := setup(s)
		refusal := fault.New(fault.Unauthenticated, "who are you?").Hinted("say it")
		closed.Auth = auth{refusal}
		client := dial(t, closed)
		for _, c := range trips() {
			_, err := c.call(bounded(t), client)
			sameFault(t, err, refusal)
		}
		_, err := client.Register(bounded(t), registration())
		sameFault(t, err, refusal)
		if calls := s.Calls(); len(calls) > 0 {
			t.Fatalf("the service was called: %+v", calls)
		}
	})
}
