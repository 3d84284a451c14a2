package storetest

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

func historyRange(t *testing.T, st ports.Store) {
	s := numbered(1)
	// 20 rows of 3 events and 1,000 bytes: row i holds the seqs 3i+1 … 3i+3.
	const rows, size = 20, 1000
	for i := range rows {
		a := s.append(0)
		addRow(a, s.run.ID, a.Chain.HeadSeq, 3, bytes.Repeat([]byte{byte('a' + i)}, size))
		s.do(t, st, a)
	}
	for _, c := range []struct {
		from        model.Seq
		maxBytes    int
		first, want int // index of the first row, number of rows
	}{
		{0, 1 << 20, 0, rows}, {1, 1 << 20, 0, rows}, {1, 0, 0, 1}, {1, -1, 0, 1}, {1, 1, 0, 1}, {1, size, 0, 1}, {1, 2*size - 1, 0, 1}, {1, 2 * size, 0, 2},
		{2, 2 * size, 0, 2}, {3, 2 * size, 0, 2}, {4, 2 * size, 1, 2}, {30, 3*size + 1, 9, 3}, {58, 1 << 20, 19, 1}, {60, 1, 19, 1},
		{61, 1 << 20, 0, 0}, {1000, 1 << 20, 0, 0}, {31, rows * size, 10, 10},
	} {
		before := st.Stats()
		got := must[[]ports.HistoryRow](t)(st.History(t.Context(), s.run.ID, c.from, c.maxBytes))
		after := st.Stats()
		what := fmt.Sprintf("rows from %d, %d bytes", c.from, c.maxBytes)
		equal(t, what, len(got), c.want)
		for i, h := range got {
			equal(t, what+": seq", h.First, model.Seq(3*(c.first+i)+1))
			equal(t, what+": byte", h.Bytes[0], byte('a'+c.first+i))
			equal(t, what+": position", h.Pos, int64(c.first+i+1))
		}
		equal(t, what+": rows read", after.HistoryRowsRead-before.HistoryRowsRead, int64(c.want))
		equal(t, what+": bytes read", after.HistoryBytesRead-before.HistoryBytesRead, int64(c.want*size))
		equal(t, what+": calls", after.HistoryReads-before.HistoryReads, 1)
	}
	last := must[ports.HistoryRow](t)(st.LastHistory(t.Context(), s.run.ID))
	equal(t, "last row", fmt.Sprint(last.First, last.Last, last.Pos, last.AppendID == s.rows[rows-1].AppendID), fmt.Sprint(58, 60, 20, true))
}

func historyOfOthers(t *testing.T, st ports.Store) {
	// Runs whose names are each other's prefixes, written in turn.
	names := []string{"a", "aa", "a\x00", "b", "", "ab"}
	subjects := make([]*subject, len(names))
	for i, n := range names {
		subjects[i] = newSubject("ns", "wf-"+n, n)
	}
	for range 5 {
		for _, s := range subjects {
			s.step(t, st, 2)
		}
	}
	for _, s := range subjects {
		s.check(t, st)
		equal(t, "last", must[ports.HistoryRow](t)(st.LastHistory(t.Context(), s.run.ID)).Last, 10)
	}
}

func feedPages(t *testing.T, st ports.Store) {
	equal(t, "head of an empty store", must[int64](t)(st.Head(t.Context(), 0)), 0)
	a, b := numbered(1), numbered(2)
	const size = 100
	for i := range 30 {
		s := a
		if i%3 == 2 {
			s = b
		}
		ap := s.append(0)
		addRow(ap, s.run.ID, ap.Chain.HeadSeq, 1, bytes.Repeat([]byte{byte('a' + i)}, size))
		s.do(t, st, ap)
	}
	for _, c := range []struct {
		after    int64
		maxBytes int
		want     int
	}{
		{0, 1 << 20, 30}, {-5, 1 << 20, 30}, {0, 0, 1}, {0, 2*size - 1, 1}, {0, 2 * size, 2}, {10, 5 * size, 5}, {28, 5 * size, 2}, {29, 1, 1}, {30, 1 << 20, 0}, {99, 1 << 20, 0},
	} {
		before := st.Stats()
		got := must[[]ports.HistoryRow](t)(st.Feed(t.Context(), 0, c.after, c.maxBytes))
		what := fmt.Sprintf("feed after %d, %d bytes", c.after, c.maxBytes)
		equal(t, what, len(got), c.want)
		for i, h := range got {
			pos := max(c.after, 0) + int64(i) + 1
			want := a
			if (pos-1)%3 == 2 {
				want = b
			}
			equal(t, what+": row", fmt.Sprint(h.Pos, h.Run, h.Key, h.Bytes[0]), fmt.Sprint(pos, want.run.ID, want.key, byte('a'+pos-1)))
		}
		after := st.Stats()
		equal(t, what+": rows read", after.HistoryRowsRead-before.HistoryRowsRead, int64(c.want))
		equal(t, what+": bytes read", after.HistoryBytesRead-before.HistoryBytesRead, int64(c.want*size))
	}
	equal(t, "head", must[int64](t)(st.Head(t.Context(), 0)), 30)
	if _, err := st.Head(t.Context(), ports.ShardID(st.Info().Shards)); !fault.Has(err, fault.NotOwner) {
		t.Fatalf("head of an unknown shard gave %v, want not_owner", err)
	}
	if _, err := st.Feed(t.Context(), ports.ShardID(st.Info().Shards), 0, 1); !fault.Has(err, fault.NotOwner) {
		t.Fatalf("feed of an unknown shard gave %v, want not_owner", err)
	}
}

func feedConcurrent(t *testing.T, st ports.Store) {
	const writers, steps = 12, 15
	var written atomic.Int64
	var total int64 = writers * steps * 2
	pos := map[model.RunID][]int64{}
	results := make([][]ports.AppendResult, writers)
	together(t, writers+1, func(ctx context.Context, i int) error {
		if i < writers {
			s := numbered(i)
			for range steps {
				a := s.append(1)
				addRow(a, s.run.ID, a.Chain.HeadSeq, 2, nil)
				res, err := st.Append(ctx, a)
				if err != nil {
					return err
				}
				if res.LastPos != res.FirstPos+1 {
					return fmt.Errorf("two rows got the positions %d to %d", res.FirstPos, res.LastPos)
				}
				written.Add(2)
				results[i] = append(results[i], res)
				s.committed(a)
			}
			return nil
		}
		// The reader: whatever it sees follows without a gap, and all that was acknowledged before a read is in it.
		var at int64
		for at < total {
			acked := written.Load()
			rows, err := st.Feed(ctx, 0, at, 1<<16)
			if err != nil {
				return err
			}
			for _, h := range rows {
				if at++; h.Pos != at {
					return fmt.Errorf("position %d follows %d", h.Pos, at-1)
				}
				pos[h.Run] = append(pos[h.Run], h.Pos)
			}
			if len(rows) == 0 && at < acked {
				return fmt.Errorf("the feed ends at %d after %d rows were acknowledged", at, acked)
			}
		}
		return nil
	})
	for i, rs := range results {
		for k, res := range rs {
			equalSlices(t, "positions", pos[numbered(i).run.ID][2*k:2*k+2], []int64{res.FirstPos, res.LastPos})
		}
	}
}
