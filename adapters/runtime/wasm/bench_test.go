package wasm_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/runtime/wasm"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// scene is a program with the workflow "steps" of n activities, to be driven one event at a time.
type scene struct {
	rt      *wasm.Runtime
	program ports.Program
	events  [][]byte
}

func newScene(b testing.TB, g *guest, n int) *scene {
	code, _ := g.load(b)
	s := &scene{rt: open(b, wasm.Options{})}
	s.program = load(b, s.rt, code)
	json := func(text string) model.Payload {
		return model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(text)}
	}
	page := func(e history.Attributes) {
		s.events = append(s.events, history.AppendEvent(nil, &history.Event{Seq: model.Seq(len(s.events) + 1), Time: 1, Attr: e}))
	}
	page(&history.Started{Namespace: "default", WorkflowID: "w", RunID: "r", Type: "steps", Input: json(fmt.Sprint(n)), TaskQueue: "default", Seed: make([]byte, 32)})
	for i := range n {
		page(&history.ActivityCompleted{Ordinal: model.Ordinal(i + 1), Attempt: 1, Result: json(`"Hello, Ada"`), Worker: "worker-1"})
	}
	return s
}

func (s *scene) open(b testing.TB) ports.Instance {
	i, err := s.program.New(context.Background(), [32]byte{1})
	if err != nil {
		b.Fatal(err)
	}
	return i
}

func (s *scene) activate(b testing.TB, i ports.Instance, from, to int) {
	for _, page := range s.events[from:to] {
		if _, err := i.Activate(context.Background(), ports.Activation{Now: time.Unix(1, 0), Live: true, Events: page, Limits: ports.Limits{Fuel: 1e8}}); err != nil {
			b.Fatal(err)
		}
	}
}

func benchGuests(b *testing.B, n int, f func(b *testing.B, s *scene)) {
	for _, g := range []*guest{flow, conformance} {
		b.Run(g.name, func(b *testing.B) {
			s := newScene(b, g, n)
			b.ReportAllocs()
			b.ResetTimer()
			f(b, s)
		})
	}
}

func BenchmarkNew(b *testing.B) {
	benchGuests(b, 3, func(b *testing.B, s *scene) {
		for b.Loop() {
			s.open(b).Close(context.Background())
		}
	})
}

// A new instance, its start and one activity, close: what most runs of a throughput load do.
func BenchmarkRunOfOneActivity(b *testing.B) {
	benchGuests(b, 1, func(b *testing.B, s *scene) {
		for b.Loop() {
			i := s.open(b)
			s.activate(b, i, 0, 2)
			i.Close(context.Background())
		}
	})
}

func BenchmarkActivate(b *testing.B) {
	const n = 1000
	benchGuests(b, n, func(b *testing.B, s *scene) {
		i := s.open(b)
		s.activate(b, i, 0, 1)
		at := 1
		for b.Loop() {
			if at > n {
				i.Close(context.Background())
				i = s.open(b)
				s.activate(b, i, 0, 1)
				at = 1
			}
			s.activate(b, i, at, at+1)
			at++
		}
		i.Close(context.Background())
	})
}

func BenchmarkReplay1000(b *testing.B) {
	benchGuests(b, 1000, func(b *testing.B, s *scene) {
		for b.Loop() {
			i := s.open(b)
			s.activate(b, i, 0, 1001)
			i.Close(context.Background())
		}
	})
}

func BenchmarkClone(b *testing.B) {
	benchGuests(b, 4, func(b *testing.B, s *scene) {
		i := s.open(b)
		s.activate(b, i, 0, 4)
		for b.Loop() {
			c, _, err := i.Clone(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			c.Close(context.Background())
		}
		b.ReportMetric(float64(i.Bytes())/1024, "KiB/instance")
		i.Close(context.Background())
	})
}

// parked gives instances that wait for the fourth and for the thousandth activity.
func parked(b *testing.B, f func(b *testing.B, s *scene, i ports.Instance)) {
	for _, n := range []int{3, 1000} {
		b.Run(fmt.Sprintf("after%d", n), func(b *testing.B) {
			benchGuests(b, n+1, func(b *testing.B, s *scene) {
				i := s.open(b)
				s.activate(b, i, 0, n+1)
				f(b, s, i)
				b.ReportMetric(float64(i.Bytes())/1024, "KiB/instance")
				i.Close(context.Background())
			})
		})
	}
}

func BenchmarkHibernate(b *testing.B) {
	parked(b, func(b *testing.B, s *scene, i ports.Instance) {
		for b.Loop() {
			if ok, err := i.Hibernate(context.Background(), ports.SnapshotKey{Run: "r"}); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
}

func BenchmarkRestore(b *testing.B) {
	parked(b, func(b *testing.B, s *scene, i ports.Instance) {
		if ok, err := i.Hibernate(context.Background(), ports.SnapshotKey{Run: "r"}); !ok || err != nil {
			b.Fatal(ok, err)
		}
		for b.Loop() {
			again, ok, err := s.program.Restore(context.Background(), ports.SnapshotKey{Run: "r"}, [32]byte{1})
			if !ok || err != nil {
				b.Fatal(ok, err)
			}
			again.Close(context.Background())
		}
	})
}

// Load with the machine code in the disk cache: what the first use of a package costs after a restart.
func BenchmarkLoad(b *testing.B) {
	for _, g := range []*guest{flow, conformance} {
		b.Run(g.name, func(b *testing.B) {
			code, _ := g.load(b)
			load(b, open(b, wasm.Options{}), code)
			for b.Loop() {
				b.StopTimer()
				rt := open(b, wasm.Options{})
				b.StartTimer()
				load(b, rt, code)
				b.StopTimer()
				_ = rt.Close(context.Background())
				b.StartTimer()
			}
		})
	}
}
