package runtimetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/aionrun/aion/domain/history"
)

// ask makes an activation in which every patch is in, and gives its commands and what was asked for first. On a replay it answers the same.
func (r *run) ask(state *history.State, events ...history.Attributes) (commands, marks []history.Attributes) {
	r.t.Helper()
	p := history.LivePatches(state)
	a := r.activation(events...)
	a.Patched = p.Ask
	out, err := r.activate(a)
	if err != nil {
		r.t.Fatal(err)
	}
	if state.Patches == nil {
		state.Patches = map[string]bool{}
	}
	for _, m := range p.Marks() {
		state.Patches[m.(*history.PatchMarked).ID] = true
	}
	then := maps.Clone(state.Patches)
	r.past[len(r.past)-1].Patched = func(id string) bool { return then[id] }
	if commands, err = history.DecodeCommands(out.Commands); err != nil {
		r.t.Fatal(err)
	}
	return commands, p.Marks()
}

// [DET-5] patches holds that an instance which is told of its patches what was told when it was live makes the same commands and has the same memory; one that
// is told otherwise goes its own way, and the first answer counts for the run.
func patches(t *testing.T, s *subject) {
	for seed := range uint64(8) {
		dice := rand.New(rand.NewPCG(seed, 5))
		r, state := s.open(t, seedOf(byte(seed))), history.NewState()
		asked := map[string]int{}
		r.ask(state, r.started("patchy", "null"))
		for range 1 + dice.IntN(12) {
			var events []history.Attributes
			fresh := map[string]bool{}
			for range 1 + dice.IntN(4) {
				name := fmt.Sprint("patch ", dice.IntN(6), strings.Repeat("é", dice.IntN(2)*100))
				fresh[name] = fresh[name] || asked[name] == 0
				asked[name]++
				events = append(events, signal("add", fmt.Sprintf("%q", name)))
			}
			commands, marks := r.ask(state, events...)
			n := 0
			for _, f := range fresh {
				if f {
					n++
				}
			}
			if len(marks) != n || len(commands) != len(events) || strings.Contains(fmt.Sprint(kinds(commands)), "Timer") {
				t.Fatalf("%d patches were asked for first, %d marked; commands %v", n, len(marks), kinds(commands))
			}
			if dice.IntN(3) == 0 {
				again := r.replay(s)
				r.ask(state, signal("add", `"late"`))
				asked["late"]++
				if _, err := again.activate(r.past[len(r.past)-1]); err != nil {
					t.Fatal(err)
				}
				r.same(again)
				again.inst.Close(t.Context())
			}
		}
		// Code that came later: the patches were not there when the history was made.
		other := s.open(t, r.seed)
		for i, a := range r.past {
			a.Live, a.Patched = false, nil
			out, err := other.inst.Activate(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			commands, err := history.DecodeCommands(out.Commands)
			if err != nil || i > 0 && strings.Contains(fmt.Sprint(kinds(commands)), "Activity") {
				t.Fatalf("commands %v, %v: no patch was in", kinds(commands), err)
			}
		}
		other.seq, other.now = r.seq, r.now
		for name := range asked {
			commands, marks := other.ask(history.NewState(), signal("add", fmt.Sprintf("%q", name)))
			if len(marks) != 0 || fmt.Sprint(kinds(commands)) != "[TimerStarted]" {
				t.Errorf("%q was answered before, and asked again: marks %v, commands %v", name, marks, kinds(commands))
			}
		}
	}
}
