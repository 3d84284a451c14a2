package transporttest

import (
	"context"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Setup is what a transport is to serve, and the limits that it is to keep.
type Setup struct {
	Service         ports.Service
	Auth            ports.Authenticator
	PageSize        int   // the largest page of a list
	MaxRequestBytes int64 // of a request, or of a frame of a worker's stream
	MaxArchiveBytes int64 // of a deployed archive
}

// Dial serves a setup until the end of the test, and gives a client of it. What such a client cannot know of an answer it leaves
// out, as adapters/transport/connect.Remote says.
type Dial func(t *testing.T, s Setup) ports.Service

// Run holds a transport to the contract of ports.Service.
func Run(t *testing.T, dial Dial) {
	t.Run("RoundTrips", func(t *testing.T) { testRoundTrips(t, dial) })
	t.Run("Outcomes", func(t *testing.T) { testOutcomes(t, dial) })
	t.Run("AnyText", func(t *testing.T) { testAnyText(t, dial) })
	t.Run("Errors", func(t *testing.T) { testErrors(t, dial) })
	t.Run("Identity", func(t *testing.T) { testIdentity(t, dial) })
	t.Run("Lists", func(t *testing.T) { testLists(t, dial) })
	t.Run("Limits", func(t *testing.T) { testLimits(t, dial) })
	t.Run("GivingUp", func(t *testing.T) { testGivingUp(t, dial) })
	t.Run("Events", func(t *testing.T) { testEvents(t, dial) })
	t.Run("Audit", func(t *testing.T) { testAudit(t, dial) })
	t.Run("Workers", func(t *testing.T) { testWorkers(t, dial) })
}

// Subject is who calls, to the suite's authenticator.
const Subject = "the-suite"

// auth lets everybody in as Subject, or nobody.
type auth struct{ err error }

func (a auth) Mode() string { return "suite" }
func (a auth) Authenticate(context.Context, ports.Credentials) (ports.Principal, error) {
	return ports.Principal{Subject: Subject, Grants: []ports.Grant{{Namespaces: "*", Role: ports.RoleAdmin}}}, a.err
}

// setup gives what most tests serve.
func setup(s *Service) Setup {
	return Setup{Service: s, Auth: auth{}, PageSize: 1000, MaxRequestBytes: 8 << 20, MaxArchiveBytes: 64 << 20}
}

// bounded is a context for a test's calls. Its deadline decides nothing: it ends a test that hangs.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func wantReason(t *testing.T, err error, r fault.Reason) {
	t.Helper()
	if !fault.Has(err, r) {
		t.Fatalf("got error %v (reason %v), want reason %v", err, fault.ReasonOf(err), r)
	}
}

// ref, payload and the others below are values with every field set.
func ref() ports.WorkflowRef {
	return ports.WorkflowRef{Namespace: "shop", WorkflowID: "order/7:a é", Run: "0190c5a4-7c1e-7000-8000-000000000001"}
}

func payload(text string) model.Payload {
	return model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(text), Metadata: map[string]string{"encoding": "plain"}}
}

func failure() *model.Failure {
	return &model.Failure{
		Type: "card_declined", Message: "no funds", Details: payload(`{"code":51}`), Stack: "pay.go:7", Retryable: true,
		Cause: &model.Failure{Type: "bank", Message: "refused"},
	}
}

func at(second int64) time.Time { return time.Unix(1_800_000_000+second, 123_456_789).UTC() }
