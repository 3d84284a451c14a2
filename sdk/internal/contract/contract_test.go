package contract_test

import (
	"fmt"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/aionrun/aion/sdk/guest"
	"github.com/aionrun/aion/sdk/internal/contract"
)

func TestRoundTrips(t *testing.T) {
	p := guest.Payload{ContentType: "x/y", Data: []byte{0, 255}, Metadata: map[string]string{"a": "é"}}
	if got := contract.ReadPayload(contract.Payload(p)); !reflect.DeepEqual(got, p) {
		t.Errorf("got %+v", got)
	}
	if contract.Payload(guest.Payload{}) != nil || contract.SomePayload(guest.Payload{}) == nil || !contract.ReadPayload(nil).IsZero() {
		t.Error("the zero payload is not told from others")
	}
	f := &guest.Failure{Type: "a", Message: "b", Details: p, Stack: "c", Retryable: true, Cause: &guest.Failure{Type: "d"}}
	if got := contract.ReadFailure(contract.Failure(f)); !reflect.DeepEqual(got, f) {
		t.Errorf("got %+v", got)
	}
	if contract.Failure(nil) != nil || contract.ReadFailure(nil) != nil {
		t.Error("no failure is a failure")
	}
}

// Whatever user code says can be sent: text that is no UTF-8, and causes of causes.
func TestHostileValues(t *testing.T) {
	f := &guest.Failure{Type: "t0"}
	for i := range 1000 {
		f = &guest.Failure{Type: fmt.Sprint("t", i), Message: "\xff", Stack: "\xff", Cause: f}
	}
	f.Details = guest.Payload{ContentType: "\xff", Metadata: map[string]string{"\xff": "\xff"}}
	b, err := proto.Marshal(contract.Failure(f))
	if err != nil || len(b) > 10_000 {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
}
