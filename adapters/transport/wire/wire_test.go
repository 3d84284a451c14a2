package wire_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// The contract's table of reasons, once more and by hand: a change of it is a change of the contract.
var table = map[connect.Code][]string{
	connect.CodeInvalidArgument:    {"invalid_input", "invalid_page_token", "unknown_query", "needs_indexed_condition"},
	connect.CodeUnauthenticated:    {"unauthenticated"},
	connect.CodePermissionDenied:   {"permission_denied"},
	connect.CodeNotFound:           {"not_found", "no_route"},
	connect.CodeAlreadyExists:      {"already_exists", "request_id_reused"},
	connect.CodeFailedPrecondition: {"not_running", "blocked", "package_pinned", "query_failed", "update_rejected", "run_continued"},
	connect.CodeAborted:            {"conflict"},
	connect.CodeResourceExhausted:  {"payload_too_large", "archive_too_large", "quota_exceeded", "lagged"},
	connect.CodeOutOfRange:         {"history_compacted", "cursor_ahead"},
	connect.CodeDeadlineExceeded:   {"query_timeout"},
	connect.CodeUnavailable:        {"draining", "not_owner", "starting", "overloaded", "unavailable"},
	connect.CodeUnimplemented:      {"unimplemented"},
	connect.CodeInternal:           {"internal"},
}

func TestEachReasonHasItsCodeAndNumber(t *testing.T) {
	codes := map[string]connect.Code{}
	for code, names := range table {
		for _, name := range names {
			codes[name] = code
		}
	}
	reasons := fault.Reasons()
	if len(reasons) != len(codes) || len(reasons) != len(aionv1.Reason_name)-1 {
		t.Fatalf("%d reasons, %d in the table, %d in the contract", len(reasons), len(codes), len(aionv1.Reason_name)-1)
	}
	for _, r := range reasons {
		if want := "REASON_" + strings.ToUpper(r.String()); aionv1.Reason(r).String() != want {
			t.Errorf("reason %d is %s in the contract, want %s", r, aionv1.Reason(r), want)
		}
		if got := wire.Code(r); got != codes[r.String()] {
			t.Errorf("%v has code %v, want %v", r, got, codes[r.String()])
		}
		// HTTP says what the Connect protocol says.
		w := httptest.NewRecorder()
		if err := connect.NewErrorWriter().Write(w, httptest.NewRequest(http.MethodPost, "/", nil), wire.ConnectError(fault.Of(r))); err != nil {
			t.Fatal(err)
		}
		if got := wire.HTTPStatus(wire.Code(r)); got != w.Code {
			t.Errorf("%v has HTTP status %d, and Connect says %d", r, got, w.Code)
		}
	}
	for _, r := range []fault.Reason{0, fault.Stale, fault.UnknownOutcome, 200, 255} {
		if got := wire.Code(r); got != connect.CodeInternal {
			t.Errorf("reason %d, which never crosses the wire, has code %v", r, got)
		}
		if e := wire.EncodeError(fault.New(r, "x")); e.Info.GetReason() == 0 || aionv1.Reason_name[int32(e.Info.GetReason())] == "" {
			t.Errorf("reason %d went out as %v", r, e.Info.GetReason())
		}
	}
}

func TestDecodeError(t *testing.T) {
	for _, c := range []struct {
		in     error
		is     error
		reason fault.Reason
	}{
		{in: nil},
		{in: connect.NewError(connect.CodeCanceled, nil), is: context.Canceled},
		{in: connect.NewError(connect.CodeDeadlineExceeded, nil), is: context.DeadlineExceeded},
		{in: connect.NewError(connect.CodeUnavailable, errors.New("no such host")), reason: fault.Unavailable},
		{in: connect.NewError(connect.CodeUnimplemented, nil), reason: fault.Unimplemented},
		{in: connect.NewError(connect.CodeUnknown, nil), reason: fault.Internal},
		{in: fmt.Errorf("wrapped: %w", wire.ConnectError(fault.NotFoundf("x"))), reason: fault.NotFound},
	} {
		err := wire.DecodeError(c.in)
		if c.is != nil && !errors.Is(err, c.is) || c.is == nil && fault.ReasonOf(err) != c.reason {
			t.Errorf("%v came back as %v", c.in, err)
		}
	}
	if err := wire.DecodeError(errors.New("plain")); err == nil || err.Error() != "plain" {
		t.Errorf("an error of another kind came back as %v", err)
	}
}

func TestPageTokens(t *testing.T) {
	scope := wire.Scope{"runs", "shop", "a"}
	token := wire.EncodeToken(scope, []byte("cursor"))
	if got, err := wire.DecodeToken(scope, token); err != nil || string(got) != "cursor" {
		t.Fatalf("got %q, %v", got, err)
	}
	if got, err := wire.DecodeToken(scope, ""); err != nil || got != nil {
		t.Fatalf("no token: got %q, %v", got, err)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(token)
	for name, bad := range map[string]string{
		"text": "hello", "not base64": "!!!", "standard base64": "+/+/", "padded": token + "==", "cut": token[:len(token)-2], "longer": token + "AA",
		"huge": strings.Repeat("A", 1<<20), "newline": token + "\n",
	} {
		if _, err := wire.DecodeToken(scope, bad); !fault.Has(err, fault.InvalidPageToken) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for i := range raw { // any damaged byte, the version's among them
		b := append([]byte(nil), raw...)
		b[i] ^= 0x10
		if _, err := wire.DecodeToken(scope, base64.RawURLEncoding.EncodeToString(b)); !fault.Has(err, fault.InvalidPageToken) {
			t.Errorf("byte %d damaged: got %v", i, err)
		}
	}
	for _, other := range []wire.Scope{{"runs", "shop", "b"}, {"runs", "shop"}, {"runs", "shopa", ""}, {"runs", "sho", "pa"}, {"routes", "shop", "a"}, {}} {
		if _, err := wire.DecodeToken(other, token); !fault.Has(err, fault.InvalidPageToken) {
			t.Errorf("scope %v takes the token of scope %v", other, scope)
		}
	}
}

// A token of one filter is refused by every other one, and a good one leads on from the run that it names.
func TestListTokens(t *testing.T) {
	q := ports.ListQuery{Namespace: "shop", Type: "A", Status: model.StatusFailed, Limit: 10}
	cursor := &ports.ListCursor{StartedAt: time.Unix(1_800_000_000, 7).UTC(), Run: "r1"}
	token := wire.EncodeListResult(q, nil, cursor).GetNextPageToken()
	same := &aionv1.ListWorkflowsRequest{Namespace: "shop", WorkflowType: "A", Status: aionv1.WorkflowStatus_WORKFLOW_STATUS_FAILED, PageToken: token, PageSize: 999}
	got, err := wire.DecodeList(same, 1000)
	if err != nil || !reflect.DeepEqual(got.After, cursor) {
		t.Fatalf("got %+v, %v", got.After, err)
	}
	for name, change := range map[string]func(*aionv1.ListWorkflowsRequest){
		"namespace": func(r *aionv1.ListWorkflowsRequest) { r.Namespace = "play" },
		"type":      func(r *aionv1.ListWorkflowsRequest) { r.WorkflowType = "" },
		"status":    func(r *aionv1.ListWorkflowsRequest) { r.Status = 0 },
		"id":        func(r *aionv1.ListWorkflowsRequest) { r.WorkflowId = "w" },
		"blocked":   func(r *aionv1.ListWorkflowsRequest) { r.Blocked = true },
	} {
		other := &aionv1.ListWorkflowsRequest{Namespace: same.Namespace, WorkflowType: same.WorkflowType, Status: same.Status, PageToken: token}
		change(other)
		if _, err := wire.DecodeList(other, 1000); !fault.Has(err, fault.InvalidPageToken) {
			t.Errorf("with another %s: got %v", name, err)
		}
	}
	short := wire.EncodeToken(wire.Scope{"runs", "shop", "", "A", "Failed", "false"}, []byte("short"))
	same.PageToken = short
	if _, err := wire.DecodeList(same, 1000); !fault.Has(err, fault.InvalidPageToken) {
		t.Errorf("a cursor that is none: got %v", err)
	}
}

// Pages neither repeat nor skip what is there all the time, whatever comes and goes between them.
func TestPagesUnderChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type item = ports.WorkerStatus
		steady := rapid.SliceOfDistinct(rapid.StringMatching(`[a-m]{1,3}`), func(s string) string { return s }).Draw(t, "steady")
		var seen []string
		for token, first := "", true; first || token != ""; first = false {
			var now []item
			for _, id := range append(rapid.SliceOf(rapid.StringMatching(`[n-z]{1,3}`)).Draw(t, "passing"), steady...) {
				now = append(now, item{ID: id})
			}
			page, err := wire.EncodeWorkers(&aionv1.ListWorkersRequest{PageSize: 2, PageToken: token}, now, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range page.Workers {
				if w.WorkerId[0] < 'n' {
					seen = append(seen, w.WorkerId)
				}
			}
			token = page.NextPageToken
		}
		if len(seen) != len(steady) {
			t.Fatalf("saw %q of %q", seen, steady)
		}
		for i := 1; i < len(seen); i++ {
			if seen[i-1] >= seen[i] {
				t.Fatalf("out of order: %q", seen)
			}
		}
	})
}

func TestDecodeStart(t *testing.T) {
	for field, r := range map[string]*aionv1.StartWorkflowRequest{
		"memo": {Memo: map[string]*aionv1.Payload{"k": {}}},
	} {
		_, err := wire.DecodeStart(r)
		var f *fault.Error
		if !errors.As(err, &f) || f.Reason != fault.Unimplemented || f.Metadata["field"] != field || !strings.HasPrefix(f.Message, field) {
			t.Errorf("%s: got %v", field, err)
		}
	}
	for name, r := range map[string]*aionv1.StartWorkflowRequest{
		"negative delay":      {StartDelay: durationpb.New(-time.Second)},
		"negative deadline":   {ExecutionTimeout: durationpb.New(-time.Second)},
		"negative interval":   {RetryPolicy: &aionv1.RetryPolicy{InitialInterval: durationpb.New(-time.Second)}},
		"malformed wait":      {Wait: &durationpb.Duration{Seconds: 1, Nanos: -1}},
		"endless wait":        {Wait: &durationpb.Duration{Seconds: 1 << 62}},
		"negative timeout":    {RunTimeout: durationpb.New(-1)},
		"unknown policy":      {ConflictPolicy: 4},
		"negative policy":     {ReusePolicy: -1},
		"policy beyond bytes": {ReusePolicy: 257},
	} {
		if _, err := wire.DecodeStart(r); !fault.Has(err, fault.InvalidInput) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// What protobuf allows and Go cannot hold is as long as can be.
	r, err := wire.DecodeStart(&aionv1.StartWorkflowRequest{Wait: &durationpb.Duration{Seconds: 315_576_000_000}})
	if err != nil || r.Wait != 1<<63-1 {
		t.Errorf("10,000 years: got %v, %v", r.Wait, err)
	}
}

func TestMissingReference(t *testing.T) {
	for name, err := range map[string]error{
		"signal": second(wire.DecodeSignal(&aionv1.SignalWorkflowRequest{})),
		"query":  second(wire.DecodeQuery(&aionv1.QueryWorkflowRequest{})),
		"end":    second(wire.DecodeEnd(nil, "", "")),
		"repin":  second(wire.DecodeRepin(&aionv1.RepinWorkflowRequest{Package: "p"})),
		"page":   second(wire.DecodeHistoryRequest(&aionv1.GetHistoryRequest{})),
		"result": second(wire.DecodeResultRequest(&aionv1.GetResultRequest{})),
		"target": second(wire.DecodeRepin(&aionv1.RepinWorkflowRequest{Workflow: &aionv1.WorkflowRef{}})),
	} {
		if !fault.Has(err, fault.InvalidInput) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestDecodeRegister(t *testing.T) {
	for name, c := range map[string]struct {
		r      *aionv1.Register
		reason fault.Reason
	}{
		"OK":                   {&aionv1.Register{ProtocolVersion: 1, Slots: 1}, fault.Unspecified},
		"ErrInvalidInput/none": {nil, fault.InvalidInput},
		"ErrInvalidInput/old":  {&aionv1.Register{Slots: 1}, fault.InvalidInput},
		"ErrUnimplemented/new": {&aionv1.Register{ProtocolVersion: 2, Slots: 1}, fault.Unimplemented},
		"ErrInvalidInput/no":   {&aionv1.Register{ProtocolVersion: 1}, fault.InvalidInput},
		"ErrInvalidInput/many": {&aionv1.Register{ProtocolVersion: 1, Slots: 1<<32 - 1}, fault.InvalidInput},
	} {
		if _, err := wire.DecodeRegister(c.r); fault.ReasonOf(err) != c.reason {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestDecodeResults(t *testing.T) {
	got, err := wire.DecodeResults([]*aionv1.TaskResult{
		{Token: []byte("a")},
		{Token: []byte("b"), Outcome: &aionv1.TaskResult_Failed{Failed: &aionv1.TaskFailure{}}},
		{Token: []byte("c"), Outcome: &aionv1.TaskResult_Canceled{Canceled: &aionv1.TaskCanceled{}}},
	})
	if err != nil || got[0].Completed == nil || got[1].Failed == nil || !got[1].Failed.Retryable || got[2].Canceled == nil {
		t.Fatalf("got %+v, %v", got, err)
	}
	bad := &aionv1.TaskFailure{NextRetryDelay: durationpb.New(-time.Second)}
	if _, err := wire.DecodeResults([]*aionv1.TaskResult{{Outcome: &aionv1.TaskResult_Failed{Failed: bad}}}); !fault.Has(err, fault.InvalidInput) {
		t.Fatalf("a negative delay: got %v", err)
	}
}

func TestEncodeHistoryOfDamage(t *testing.T) {
	for name, b := range map[string][]byte{
		"cut":           {0x0a, 5, 1},
		"no event":      {0x0a, 2, 0xff, 0xff},
		"another field": {0x10, 7},
		"unknown field": {0xa0, 0x3f, 1},
		"invalid text":  {0x0a, 5, 0x72, 3, 0x0a, 1, 0xff}, // terminated.reason
		"noise":         []byte(strings.Repeat("\x0a\xff", 100)),
	} {
		if _, err := wire.EncodeHistory(ports.HistoryResult{Bytes: b}); !fault.Has(err, fault.Internal) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Nothing of one frame shows in the next, and what was sent is not held on to.
func TestFrameEncoderForgets(t *testing.T) {
	var e wire.FrameEncoder
	full := ports.ActivityTask{
		Token: []byte("t"), Input: model.Payload{Data: []byte("x")}, LastDetails: model.Payload{Data: []byte("y")}, Header: map[string]string{"a": "b"},
		ScheduledAt: time.Unix(1, 0), Deadline: time.Unix(2, 0), Heartbeat: time.Second, Attempt: 3, Type: "A",
	}
	e.Encode(ports.WorkerFrame{Tasks: []ports.ActivityTask{full, full}, Acks: [][]byte{{1}}, Cancels: []ports.TaskCancel{{Token: []byte("c"), Reason: "r"}}, Drain: true})
	e.Release()
	got := e.Encode(ports.WorkerFrame{Tasks: []ports.ActivityTask{{Token: []byte("u")}}, Cancels: []ports.TaskCancel{{}}})
	if want := `tasks:{token:"u"} cancels:{}`; strings.ReplaceAll(got.String(), "  ", " ") != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func BenchmarkFrameEncoder(b *testing.B) {
	var e wire.FrameEncoder
	f := ports.WorkerFrame{Acks: [][]byte{{1}, {2}}}
	for range 16 {
		f.Tasks = append(f.Tasks, ports.ActivityTask{Token: []byte("t"), Input: model.Payload{ContentType: "application/json", Data: []byte("x")}, ScheduledAt: time.Unix(1, 0)})
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Encode(f)
		e.Release()
	}
}
