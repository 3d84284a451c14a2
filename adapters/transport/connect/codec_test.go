package connect_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/auth/dev"
	"github.com/aionrun/aion/adapters/clock/system"
	"github.com/aionrun/aion/adapters/ids/random"
	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/adapters/transport/connect"
	"github.com/aionrun/aion/domain/engine"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/client"
	"github.com/aionrun/aion/sdk/payload"
	"github.com/aionrun/aion/sdk/worker"
	"github.com/aionrun/aion/sdk/workflow"
)

// mirror is a codec that can be seen through: it changes every byte by a key.
type mirror struct {
	name string
	key  byte
}

func (m mirror) Name() string { return m.name }
func (m mirror) Encode(b []byte) ([]byte, error) {
	out := bytes.Clone(b)
	for i := range out {
		out[i] ^= m.key
	}
	return out, nil
}
func (m mirror) Decode(b []byte) ([]byte, error) {
	if m.key == 0 {
		return nil, errors.New("no key")
	}
	return m.Encode(b)
}

type card struct{ Number string }

var (
	charge = activity.Define[payload.Opaque[card], payload.Opaque[string]]("Charge", activity.Options{Retry: activity.Retry{InitialInterval: time.Millisecond, MaximumAttempts: 2}})
	again  = workflow.DefineSignal[payload.Opaque[card]]("Again")
	// sees tells whether the code could read the value.
	sees = workflow.DefineQuery[workflow.None, string]("Sees")
	sell = workflow.Define("Sell", func(ctx workflow.Context, c payload.Opaque[card]) (payload.Opaque[string], error) {
		sees.Handle(ctx, func(workflow.None) (string, error) {
			v, err := c.Value()
			if err != nil {
				return err.Error(), nil
			}
			return v.Number, nil
		})
		if _, err := charge.Execute(ctx, c); err != nil {
			return payload.Opaque[string]{}, err
		}
		c, err := again.Receive(ctx)
		if err != nil {
			return payload.Opaque[string]{}, err
		}
		return charge.Execute(ctx, c)
	})
)

// [PAY-3] Opaque values are encoded wherever they leave clients and workers, and workflow code passes them on; neither it nor the store sees them.
// Values of a key that is no longer the first are read; without the key nothing is.
func TestCodecs(t *testing.T) {
	ctx := t.Context()
	store := memory.New()
	e, err := aion.New(aion.Options{Store: store, Runtime: native.New(sell), Clock: system.Clock{}, IDs: random.IDs{}, Packages: engine.PackageOptions{Native: true}})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Open(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	url := serve(t, connect.Options{Service: e, Auth: dev.Auth{}})
	old, present := mirror{"old", 0x55}, mirror{"new", 0x2a}
	w := worker.New(url, worker.Options{Codecs: payload.Codecs{present, old}, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), DrainTimeout: time.Second})
	worker.Handle(w, charge, func(ctx context.Context, in payload.Opaque[card]) (payload.Opaque[string], error) {
		c, err := in.Value()
		if err != nil {
			return payload.Opaque[string]{}, err
		}
		if err := worker.Heartbeat(ctx, in); err != nil {
			return payload.Opaque[string]{}, err
		}
		if worker.Info(ctx).Attempt == 1 {
			return payload.Opaque[string]{}, declined.Errorf("once more").WithDetails(in)
		}
		return payload.Of("receipt for " + c.Number)
	})
	work, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(work) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	dial := func(codecs ...payload.Codec) *client.Client {
		c, err := client.Dial(url, client.Options{Codecs: codecs})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	of := func(number string) payload.Opaque[card] {
		o, err := payload.Of(card{number})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	c := dial(old)
	run, err := client.Start(ctx, c, sell, of("4242-4242"), client.StartOptions{ID: "sale"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := client.Query(ctx, c, run.Ref(), sees, workflow.None{}); err != nil || !strings.Contains(got, `encoded by the codec "old"`) {
		t.Errorf("the code sees %q, %v", got, err)
	}
	if err := client.Signal(ctx, dial(present, old), run.Ref(), again, of("1111-2222")); err != nil {
		t.Fatal(err)
	}
	out, err := client.Get(dial(present, old), sell, run.Ref()).Result(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := out.Value(); err != nil || v != "receipt for 1111-2222" {
		t.Errorf("the result is %q, %v", v, err)
	}
	out, err = client.Get(c, sell, run.Ref()).Result(ctx)
	if v, verr := out.Value(); err != nil || verr == nil || v != "" {
		t.Errorf("without its codec the result is %q, %v, %v", v, verr, err)
	}
	if _, err = client.Get(dial(mirror{"new", 0}), sell, run.Ref()).Result(ctx); err == nil || !strings.Contains(err.Error(), "cannot be decoded") {
		t.Errorf("with a codec that fails the result is %v", err)
	}
	rows, err := store.Feed(ctx, 0, 0, 1<<20)
	if err != nil || len(rows) == 0 {
		t.Fatal(len(rows), err)
	}
	for _, r := range rows {
		for _, secret := range []string{"4242-4242", "1111-2222", "receipt"} {
			if bytes.Contains(r.Bytes, []byte(secret)) {
				t.Errorf("row %d of the history holds %q in clear", r.Pos, secret)
			}
		}
	}
}

// A part of another value would be stored in clear, so it is refused.
func TestOpaqueIsWhole(t *testing.T) {
	o, err := payload.Of("x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := workflow.NewPayload(struct{ Secret payload.Opaque[string] }{o}); err == nil || !strings.Contains(err.Error(), "whole") {
		t.Errorf("an opaque part gave %v", err)
	}
	if o.String() != "(opaque)" || o.IsZero() || !(payload.Opaque[string]{}).IsZero() {
		t.Errorf("%v", o)
	}
}
