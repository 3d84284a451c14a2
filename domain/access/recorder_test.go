package access_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/domain/access"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// still is a clock that stands where it is put.
type still struct {
	mu  sync.Mutex
	now time.Time
}

func (c *still) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *still) AfterFunc(time.Duration, func()) ports.Timer {
	panic("not used")
}

func (c *still) advance(d time.Duration) { c.mu.Lock(); c.now = c.now.Add(d); c.mu.Unlock() }

// [SEC-5] What is recorded is in the log at once, and in the store when the recorder is closed; a flood of refusals is counted.
func TestRecorder(t *testing.T) {
	var log bytes.Buffer
	st, clock := memory.New(), &still{now: time.Unix(1_800_000_000, 0).UTC()}
	r := access.NewRecorder(access.RecorderOptions{
		Store: st, Log: slog.New(slog.NewTextHandler(&log, nil)), Clock: clock, Keep: time.Hour, Rows: 10_000,
		Dropped: func(n int) { t.Errorf("%d records were dropped", n) },
	})
	r.Record(t.Context(), ports.AuditRecord{Subject: "ada", Action: "Start", Namespace: "shop", Object: "w", Outcome: "ok"})
	if !strings.Contains(log.String(), "msg=audit subject=ada") {
		t.Errorf("the log holds %q", log.String())
	}
	for i := range 5000 {
		r.Record(t.Context(), ports.AuditRecord{Action: "Authenticate", Peer: fmt.Sprint("10.0.0.1:", i), Outcome: "unauthenticated", Denied: true})
	}
	clock.advance(time.Second)
	r.Record(t.Context(), ports.AuditRecord{Action: "Authenticate", Outcome: "unauthenticated", Denied: true})
	r.Close()
	r.Close()
	all, err := st.Audit(t.Context(), ports.AuditQuery{Limit: 10_000})
	if err != nil || len(all) != 102 || all[0].Repeated != 4900 || all[101].Subject != "ada" || !all[0].Time.Equal(clock.Now()) {
		t.Errorf("%d records, the newest %+v, %v", len(all), all[0], err)
	}
}

// A store that fails or stands still costs records, and never a call.
func TestRecorderWithoutStore(t *testing.T) {
	dropped := 0
	var mu sync.Mutex
	hold := make(chan struct{})
	st := stuck{Store: memory.New(), hold: hold}
	r := access.NewRecorder(access.RecorderOptions{
		Store: st, Log: slog.New(slog.DiscardHandler), Clock: &still{now: time.Unix(1, 0)}, Keep: time.Hour, Rows: 100,
		Dropped: func(n int) { mu.Lock(); dropped += n; mu.Unlock() },
	})
	for range 20_000 {
		r.Record(t.Context(), ports.AuditRecord{Action: "Start", Outcome: "ok"})
	}
	close(hold)
	r.Close()
	if dropped != 20_000 {
		t.Errorf("%d of 20000 were reported as dropped", dropped)
	}
}

type stuck struct {
	ports.Store
	hold chan struct{}
}

func (s stuck) PutAudit(context.Context, []ports.AuditRecord, ports.AuditKeep) error {
	<-s.hold
	return fault.New(fault.Unavailable, "no disk")
}

// Who is not let in is recorded, with where it is.
func TestAuditedAuthentication(t *testing.T) {
	h := &heard{}
	a := access.Audited(refusing{}, h)
	if _, err := a.Authenticate(t.Context(), ports.Credentials{Peer: "10.0.0.9:1", Authorization: "Bearer s3cret"}); !errors.Is(err, fault.Of(fault.Unauthenticated)) {
		t.Fatal(err)
	}
	if len(h.records) != 1 || h.records[0].Peer != "10.0.0.9:1" || !h.records[0].Denied || h.records[0].Outcome != "unauthenticated" || strings.Contains(fmt.Sprint(h.records), "s3cret") {
		t.Errorf("recorded %+v", h.records)
	}
}

type refusing struct{}

func (refusing) Mode() string { return "test" }
func (refusing) Authenticate(context.Context, ports.Credentials) (ports.Principal, error) {
	return ports.Principal{}, fault.Of(fault.Unauthenticated)
}
