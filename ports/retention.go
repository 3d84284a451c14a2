package ports

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// Retention is the part of a Store that forgets. Nothing here costs more because more runs are kept.
type Retention interface {
	// RemoveClosed takes runs of a namespace that closed at or before until out of the store, those that closed first first, at most limit: with
	// its run a chain's row and what hangs on it goes too, unless it has a newer run or still has something to do (WakeAt). Counters and
	// pins follow. From then on nothing finds such a run, as if it had never been; a start may use its workflow ID again. What takes
	// space is left to Sweep. oldest is when the first of those that stay closed; zero: no closed run is left.
	RemoveClosed(ctx context.Context, ns model.Namespace, until time.Time, limit int) (removed int, oldest time.Time, err error)
	// Sweep removes at most about limit rows of what removed runs have left (history, heartbeats) and of request records that have
	// expired at now, in one short transaction, and gives space back in small steps (S-6). It tells how many rows it has removed; 0: nothing is left.
	Sweep(ctx context.Context, now time.Time, limit int) (rows int, err error)
}

// Compacted is the error of reading a feed from a position below which rows have been removed: lowest is the first position that is kept.
func Compacted(after, lowest int64) error {
	return fault.New(fault.HistoryCompacted, "what follows position %d has been removed after its retention; the lowest position that is kept is %d", after, lowest).
		With("lowest", strconv.FormatInt(lowest, 10)).Hinted("begin again without a cursor, or at the present end")
}

// LowestKept reads from the error of a feed what the lowest position is that is kept; ok is false for any other error.
func LowestKept(err error) (lowest int64, ok bool) {
	var f *fault.Error
	if !errors.As(err, &f) || f.Reason != fault.HistoryCompacted {
		return 0, false
	}
	lowest, perr := strconv.ParseInt(f.Metadata["lowest"], 10, 64)
	return lowest, perr == nil
}
