package transporttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Lists that are longer than a page arrive whole and in order; nobody gets a larger page than is allowed.
func testLists(t *testing.T, dial Dial) {
	var (
		pkgs    []ports.PackageInfo
		routes  []ports.Route
		workers []ports.WorkerStatus
		queues  []ports.QueueStatus
	)
	for i := range 10 {
		pkgs = append(pkgs, ports.PackageInfo{Hash: model.PackageHash(fmt.Sprintf("h%02d", i)), DeployedAt: at(int64(-i / 3))})
		routes = append(routes, ports.Route{Type: model.WorkflowType(fmt.Sprintf("t%02d", i))})
		workers = append(workers, ports.WorkerStatus{ID: fmt.Sprintf("w%02d", i)})
		queues = append(queues, ports.QueueStatus{Name: model.TaskQueue(fmt.Sprintf("q%02d", i/2)), Namespace: model.Namespace(fmt.Sprintf("n%d", i%2))})
	}
	s := &Service{Reply: func(_ context.Context, c Call) (any, error) {
		return map[string]any{"Packages": pkgs, "Routes": routes, "Workers": workers, "TaskQueues": queues}[c.Method], nil
	}}
	small := setup(s)
	small.PageSize = 3
	client, ctx := dial(t, small), bounded(t)
	same := func(what string, got any, err error, want any) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", what, got, err, want)
		}
	}
	gotPackages, err := client.Packages(ctx)
	same("packages", gotPackages, err, pkgs)
	gotRoutes, err := client.Routes(ctx)
	same("routes", gotRoutes, err, routes)
	gotWorkers, err := client.Workers(ctx, "")
	same("workers", gotWorkers, err, workers)
	gotQueues, err := client.TaskQueues(ctx, "")
	same("queues", gotQueues, err, queues)
	if n := len(s.Calls()); n != 4*4 {
		t.Errorf("%d calls for four lists of 10 in pages of 3, want 16", n)
	}

	for _, c := range []struct{ asked, limit, want int }{{0, 1000, 100}, {0, 30, 30}, {7, 1000, 7}, {1000, 1000, 1000}, {5000, 1000, 1000}, {1<<32 - 1, 30, 30}} {
		s := &Service{}
		limited := setup(s)
		limited.PageSize = c.limit
		if _, _, err := dial(t, limited).List(ctx, ports.ListQuery{Namespace: "shop", Limit: c.asked}); err != nil {
			t.Fatal(err)
		}
		if got := s.Calls()[0].Request.(ports.ListQuery).Limit; got != c.want {
			t.Errorf("page_size %d with a limit of %d asked the service for %d, want %d", c.asked, c.limit, got, c.want)
		}
	}
}

// What is too large, or can be no value of its kind, is refused before the service hears of it; what is just not too large is not.
func testLimits(t *testing.T, dial Dial) {
	s := &Service{}
	small := setup(s)
	small.MaxRequestBytes, small.MaxArchiveBytes = 256<<10, 1<<20
	client := dial(t, small)
	noise := make([]byte, 2<<20)
	for i := range noise {
		noise[i] = byte(i*i>>3 ^ i)
	}
	start := func(data []byte) error {
		_, err := client.Start(bounded(t), ports.StartRequest{Input: model.Payload{Data: data}})
		return err
	}
	deploy := func(archive []byte) error {
		_, err := client.Deploy(bounded(t), ports.DeployRequest{Archive: archive})
		return err
	}
	for _, c := range []struct {
		name   string
		err    func() error
		reason fault.Reason
	}{
		{"OK/request", func() error { return start(noise[:180<<10]) }, fault.Unspecified},
		{"ErrPayloadTooLarge/request", func() error { return start(noise[:257<<10]) }, fault.PayloadTooLarge},
		{"ErrPayloadTooLarge/far too large", func() error { return start(noise) }, fault.PayloadTooLarge},
		{"OK/archive of exactly the limit", func() error { return deploy(noise[:1<<20]) }, fault.Unspecified},
		{"ErrArchiveTooLarge/by one", func() error { return deploy(noise[:1<<20+1]) }, fault.ArchiveTooLarge},
		{"ErrArchiveTooLarge/far too large", func() error { return deploy(noise) }, fault.ArchiveTooLarge},
		{"ErrInvalidInput/negative wait", func() error {
			_, err := client.Start(bounded(t), ports.StartRequest{Wait: -time.Second})
			return err
		}, fault.InvalidInput},
		{"ErrInvalidInput/unknown policy", func() error {
			_, err := client.Start(bounded(t), ports.StartRequest{Reuse: 77})
			return err
		}, fault.InvalidInput},
		{"ErrInvalidInput/unknown status", func() error {
			_, _, err := client.List(bounded(t), ports.ListQuery{Status: 77, Limit: 1})
			return err
		}, fault.InvalidInput},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(s.Calls())
			err := c.err()
			if fault.ReasonOf(err) != c.reason {
				t.Fatalf("got %v (reason %v), want reason %v", err, fault.ReasonOf(err), c.reason)
			}
			if n := len(s.Calls()) - before; (n == 1) != (err == nil) {
				t.Fatalf("%d calls reached the service, with error %v", n, err)
			}
		})
	}
	t.Run("OK/deep failure", func(t *testing.T) {
		deep := &model.Failure{Type: "t0"}
		for i := 1; i < 10*model.MaxFailureDepth; i++ {
			deep = &model.Failure{Type: fmt.Sprint("t", i), Cause: deep}
		}
		client := dial(t, setup(&Service{Reply: func(context.Context, Call) (any, error) {
			return ports.Outcome{Status: model.StatusFailed, Failure: deep}, nil
		}}))
		got, err := client.Result(bounded(t), ports.ResultRequest{Ref: ref()})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for f := got.Failure; f != nil; f = f.Cause {
			n++
		}
		if n != model.MaxFailureDepth || got.Failure.Type != deep.Type {
			t.Fatalf("%d failures came through, beginning with %v; want the first %d", n, got.Failure.Type, model.MaxFailureDepth)
		}
	})
	t.Run("OK/page of events", func(t *testing.T) {
		// One event with a payload of nearly 4 MiB, the largest that a page may hold.
		data := bytes.Repeat([]byte{'x'}, 4<<20-100)
		event := appendBytes(nil, 0x92, 0x03, appendBytes(nil, 0x12, 0, appendBytes(nil, 0x12, 0, data))) // signal_received.input.data
		page := appendBytes(nil, 0x0a, 0, event)
		client := dial(t, setup(&Service{Reply: func(_ context.Context, c Call) (any, error) {
			return ports.HistoryResult{Run: "r", Bytes: page}, nil
		}}))
		got, err := client.History(bounded(t), ports.HistoryRequest{Ref: ref()})
		if err != nil || len(got.Bytes) < len(data) {
			t.Fatalf("got %d bytes, %v; want at least %d", len(got.Bytes), err, len(data))
		}
	})
}

// appendBytes appends a protobuf field of length-delimited type; the tag has a second byte where it is not 0.
func appendBytes(b []byte, tag, tag2 byte, v []byte) []byte {
	if b = append(b, tag); tag2 != 0 {
		b = append(b, tag2)
	}
	n := len(v)
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(append(b, byte(n)), v...)
}

// A caller that gives up gets its own context's error at once, and the service's context ends.
func testGivingUp(t *testing.T, dial Dial) {
	for _, c := range []struct {
		name string
		want error
		wrap func(context.Context) (context.Context, context.CancelFunc)
	}{
		{"Canceled", context.Canceled, context.WithCancel},
		{"DeadlineExceeded", context.DeadlineExceeded, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 100*time.Millisecond)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			called, gone := make(chan struct{}), make(chan struct{})
			client := dial(t, setup(&Service{Reply: func(ctx context.Context, _ Call) (any, error) {
				close(called)
				<-ctx.Done()
				close(gone)
				return nil, ctx.Err()
			}}))
			ctx, cancel := c.wrap(bounded(t))
			defer cancel()
			if errors.Is(c.want, context.Canceled) {
				go func() { <-called; cancel() }()
			}
			_, err := client.Result(ctx, ports.ResultRequest{Ref: ref(), Wait: time.Hour})
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			// A deadline may pass before the call has reached the service at all.
			select {
			case <-called:
				within(t, gone, "the service's context did not end")
			default:
			}
		})
	}
}

// within fails a test that hangs.
func within[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(20 * time.Second):
		t.Fatal(what)
	}
	return v
}
