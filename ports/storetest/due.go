package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

func due(t *testing.T, st ports.Store) {
	var want []ports.Due
	for i := range 40 {
		s := newSubject([]string{"a", "b"}[i%2], fmt.Sprintf("wf-%02d", i*17%40), fmt.Sprintf("run-%02d", i))
		a := s.append(1)
		if i%4 != 3 { // every fourth waits for outside input
			a.Chain.WakeAt = epoch0.Add(time.Duration(i/8) * time.Second)
			want = append(want, ports.Due{WakeAt: a.Chain.WakeAt, Key: s.key})
		}
		s.do(t, st, a)
	}
	slices.SortFunc(want, func(a, b ports.Due) int {
		if c := a.WakeAt.Compare(b.WakeAt); c != 0 {
			return c
		}
		if a.Key.Namespace != b.Key.Namespace {
			return int(a.Key.Namespace[0]) - int(b.Key.Namespace[0])
		}
		return slices.Compare([]byte(a.Key.WorkflowID), []byte(b.Key.WorkflowID))
	})
	for _, until := range []time.Time{epoch0.Add(-1), epoch0, epoch0.Add(2*time.Second - 1), epoch0.Add(2 * time.Second), epoch0.Add(time.Hour)} {
		n := 0
		for n < len(want) && !want[n].WakeAt.After(until) {
			n++
		}
		for _, limit := range []int{1, 3, 100} {
			var got []ports.Due
			var after *ports.Due
			for {
				page := must[[]ports.Due](t)(st.Due(t.Context(), 0, until, after, limit))
				got = append(got, page...)
				if len(page) < limit {
					break
				}
				after = &page[len(page)-1]
			}
			equalSlices(t, fmt.Sprintf("chains due until %v", until), got, want[:n])
		}
	}
	equal(t, "due with limit 0", len(must[[]ports.Due](t)(st.Due(t.Context(), 0, epoch0, nil, 0))), 0)
	if _, err := st.Due(t.Context(), ports.ShardID(st.Info().Shards), epoch0, nil, 1); !fault.Has(err, fault.NotOwner) {
		t.Fatalf("due of an unknown shard gave %v, want not_owner", err)
	}
}

func dueChanges(t *testing.T, st ports.Store) {
	s := numbered(1)
	for _, at := range []time.Time{epoch0.Add(time.Hour), epoch0, epoch0.Add(time.Minute), {}, {}, epoch0.Add(1), epoch0.Add(1), {}} {
		a := s.append(1)
		a.Chain.WakeAt = at
		s.do(t, st, a)
		var want []ports.Due
		if !at.IsZero() {
			want = []ports.Due{{WakeAt: at, Key: s.key}}
		}
		equalSlices(t, "due chains", must[[]ports.Due](t)(st.Due(t.Context(), 0, epoch0.Add(24*time.Hour), nil, 10)), want)
	}
}
