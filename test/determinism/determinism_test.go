// Package determinism shows that the same recorded activations give the same commands and the same guest memory, whatever happens between
// them and wherever the process runs [D-1, D-8, D-9].
package determinism

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/runtime/wasm"
	"github.com/aionrun/aion/app/build"
	"github.com/aionrun/aion/domain/archive"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

const moduleVariable = "AION_TEST_DETERMINISM_MODULE"

func TestMain(m *testing.M) {
	if file := os.Getenv(moduleVariable); file != "" {
		if err := child(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// [DET-1] TestProcesses runs the same script in four processes that differ in what Go lets differ, each in every variant, and compares every
// boundary's commands and memory.
func TestProcesses(t *testing.T) {
	pkg, err := build.Package(t.Context(), "chaos", build.Options{})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "chaos.aion")
	if err := os.WriteFile(file, pkg.Archive, 0o600); err != nil {
		t.Fatal(err)
	}
	var first string
	for i, env := range [][]string{{"GOMAXPROCS=1", "GOGC=100"}, {"GOMAXPROCS=2", "GOGC=10"}, {"GOMAXPROCS=8", "GOGC=off"}, {"GOMAXPROCS=2", "GOGC=400"}} {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), append(env, moduleVariable+"="+file)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("process with %v: %v\n%s", env, err, stderr.String())
		}
		if i == 0 {
			first = string(out)
			t.Logf("%d boundaries compared in each of 4 processes and 4 variants", strings.Count(first, "\n"))
			continue
		}
		if a, b := strings.Split(first, "\n"), strings.Split(string(out), "\n"); first != string(out) {
			for i := range a {
				if i >= len(b) || a[i] != b[i] {
					t.Fatalf("process with %v differs at boundary %d:\n%s\n%s", env, i+1, a[i], append(b, "nothing")[min(i, len(b))])
				}
			}
			t.Fatalf("process with %v has %d boundaries, not %d", env, len(b), len(a))
		}
	}
}

// child prints one line for each boundary, after it has made sure that all variants agree.
func child(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	a, err := archive.Read(b, archive.Limits{})
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "determinism")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	rt, err := wasm.New(wasm.Options{CacheDir: dir})
	if err != nil {
		return err
	}
	defer func() { _ = rt.Close(ctx) }()
	prog, err := rt.Load(ctx, a.Hash, a.Code)
	if err != nil {
		return err
	}
	fmt.Println("image", prog.ImageHash())
	var want []string
	for _, v := range []variant{straight, queried, hibernated, cold} {
		got, err := script(ctx, prog, v)
		if err != nil {
			return fmt.Errorf("%s: %w", v, err)
		}
		if want == nil {
			want = got
		}
		for i := range want {
			if i >= len(got) || want[i] != got[i] {
				return fmt.Errorf("variant %s differs from straight at boundary %d of %d:\n%s\n%s", v, i+1, len(want), want[i], append(got, "nothing")[min(i, len(got))])
			}
		}
	}
	fmt.Println(strings.Join(want, "\n"))
	return nil
}

type variant string

const (
	straight   variant = "straight"
	queried    variant = "queried at every boundary"
	hibernated variant = "hibernated at every boundary"
	cold       variant = "replayed from the start at every seventh boundary"
)

// run is a run in the making: the test is its world, and chooses the next events by a generator of its own.
type run struct {
	ctx  context.Context
	prog ports.Program
	inst ports.Instance
	st   *history.State
	now  int64
	seed [32]byte
	past []ports.Activation
	rng  *rand.Rand
	out  []string
}

func script(ctx context.Context, prog ports.Program, v variant) ([]string, error) {
	r := &run{ctx: ctx, prog: prog, st: history.NewState(), now: 1_700_000_000_000_000_000, rng: rand.New(rand.NewPCG(1, 2))}
	copy(r.seed[:], "a seed of thirty-two bytes, fixed")
	var err error
	if r.inst, err = prog.New(ctx, r.seed); err != nil {
		return nil, err
	}
	defer func() { r.inst.Close(ctx) }()
	if err := r.add(&history.Started{Namespace: "default", WorkflowID: "chaos", RunID: "run", Type: "Chaos", TaskQueue: "default",
		Input: model.Payload{ContentType: model.ContentTypeJSON, Data: []byte("25")}, Seed: r.seed[:], ImageVersion: 1}); err != nil {
		return nil, err
	}
	for round := 0; r.st.Open(); round++ {
		if round > 5000 {
			return nil, fmt.Errorf("the workflow does not end")
		}
		if len(r.st.Pending) == 0 {
			if err := r.world(round); err != nil {
				return nil, err
			}
			continue
		}
		if err := r.activate(); err != nil {
			return nil, err
		}
		if !r.st.Open() {
			break
		}
		if err := r.between(v); err != nil {
			return nil, err
		}
	}
	return r.out, nil
}

func (r *run) add(a history.Attributes) error {
	e := history.Event{Seq: r.st.Seq + 1, Time: r.now, Attr: a}
	return r.st.Apply(&e, history.AppendEvent(nil, &e))
}

func (r *run) activate() error {
	var page []byte
	for _, p := range r.st.Pending {
		page = append(page, p.Framed...)
	}
	a := ports.Activation{Now: time.Unix(0, r.now).UTC(), Live: true, Events: page}
	res, err := r.inst.Activate(r.ctx, a)
	if err != nil {
		return err
	}
	r.past = append(r.past, a)
	if err := r.add(&history.Activated{Through: r.st.Pending[len(r.st.Pending)-1].Seq}); err != nil {
		return err
	}
	cmds, err := history.DecodeCommands(res.Commands)
	if err != nil {
		return err
	}
	for _, c := range cmds {
		events, n, err := history.Decide(r.st, c)
		if err != nil {
			return err
		}
		for _, e := range events[:n] {
			if err := r.add(e); err != nil {
				return err
			}
		}
	}
	r.out = append(r.out, fmt.Sprintf("%d commands %x memory %x", len(cmds), sha256.Sum256(res.Commands), r.inst.Digest()))
	return nil
}

// between does to the instance what must not matter.
func (r *run) between(v variant) error {
	switch v {
	case queried:
		c, ok, err := r.inst.Clone(r.ctx)
		if err != nil || !ok {
			return fmt.Errorf("clone: %v, %w", ok, err)
		}
		defer c.Close(r.ctx)
		_, err = c.Query(r.ctx, ports.Query{Name: "look"})
		return err
	case hibernated:
		key := ports.SnapshotKey{Run: "run", Seq: r.st.Seq}
		if ok, err := r.inst.Hibernate(r.ctx, key); err != nil || !ok {
			return fmt.Errorf("hibernate: %v, %w", ok, err)
		}
		r.inst.Close(r.ctx)
		inst, ok, err := r.prog.Restore(r.ctx, key, r.seed)
		if err != nil || !ok {
			return fmt.Errorf("restore: %v, %w", ok, err)
		}
		r.inst = inst
	case cold:
		if len(r.past)%7 != 0 { // every boundary would be quadratic
			return nil
		}
		r.inst.Close(r.ctx)
		inst, err := r.prog.New(r.ctx, r.seed)
		if err != nil {
			return err
		}
		r.inst = inst
		for _, a := range r.past {
			a.Live = false
			if _, err := inst.Activate(r.ctx, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// world answers some of what the code waits for.
func (r *run) world(round int) error {
	r.now += int64(time.Duration(1+r.rng.IntN(8)) * time.Millisecond)
	for o := model.Ordinal(1); o < r.st.NextOrdinal; o++ {
		if t := r.st.Timers[o]; t != nil && t.Due <= r.now {
			if err := r.add(&history.TimerFired{Ordinal: o}); err != nil {
				return err
			}
		}
		if a := r.st.Activities[o]; a != nil && r.rng.IntN(4) == 0 {
			if err := r.add(&history.ActivityCompleted{Ordinal: o, Attempt: 1, Result: model.Payload{ContentType: model.ContentTypeJSON, Data: fmt.Appendf(nil, "%d", o)}}); err != nil {
				return err
			}
		}
	}
	if round%11 == 3 {
		return r.add(&history.SignalReceived{Name: "nudge", Input: model.Payload{ContentType: model.ContentTypeJSON, Data: fmt.Appendf(nil, "%d", round)}})
	}
	return nil
}
