package memory

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// An ordered set holds what a sorted slice would, through any sequence of inserts, removals and seeks.
func TestOrderedAgainstSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := ordered[int]{cmp: cmp.Compare[int]}
		var model []int
		span := rapid.SampledFrom([]int{20, 5000}).Draw(t, "span")
		for range rapid.IntRange(1, 40).Draw(t, "rounds") {
			x, n, step := rapid.IntRange(0, span).Draw(t, "x"), rapid.IntRange(1, 300).Draw(t, "n"), rapid.IntRange(-3, 3).Draw(t, "step")
			insert := rapid.IntRange(0, 2).Draw(t, "op") > 0
			for i := range n {
				v := x + i*step
				at, found := slices.BinarySearch(model, v)
				if insert {
					if o.insert(v); !found {
						model = slices.Insert(model, at, v)
					}
				} else if o.remove(v); found {
					model = slices.Delete(model, at, at+1)
				}
			}
			if got := slices.Collect(o.all()); !slices.Equal(got, model) {
				t.Fatalf("set is %v, want %v", got, model)
			}
			at, found := slices.BinarySearch(model, x)
			if found {
				at++
			}
			if got := slices.Collect(o.after(x)); !slices.Equal(got, model[at:]) {
				t.Fatalf("elements after %d are %v, want %v", x, got, model[at:])
			}
			for _, c := range o.chunks {
				if len(c) == 0 || len(c) > chunkMax {
					t.Fatalf("a chunk of %d elements", len(c))
				}
			}
		}
	})
}
