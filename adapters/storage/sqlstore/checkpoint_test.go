package sqlstore

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// logSize is the size of the write-ahead log.
func logSize(t testing.TB, st *Store) int64 {
	t.Helper()
	fi, err := os.Stat(st.file.path + "-wal")
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return fi.Size()
}

// watched is a tuning that tells which checkpoints ran.
func watched(tune tuning) (tuning, chan string) {
	ran := make(chan string, 10_000)
	tune.checkpointed = func(mode string, err error) {
		if err != nil {
			mode += " failed: " + err.Error()
		}
		ran <- mode
	}
	return tune, ran
}

// [S-6] Under steady load the log stays small: checkpoints run beside the writer, and the log begins at its start again.
func TestLogStaysSmallUnderLoad(t *testing.T) {
	tune := defaultTuning
	tune.passiveBytes, tune.truncateBytes, tune.idle = 256<<10, 64<<20, time.Hour
	tune, ran := watched(tune)
	st, _ := openFaulty(t, t.TempDir(), Options{}, tune)
	errs := make(chan error, 8)
	for w := range 8 {
		go func() {
			for i := range 120 {
				a := creating(string(rune('a'+w)) + time.Duration(i).String())
				a.History[0].Bytes = make([]byte, 20_000)
				if _, err := st.Append(t.Context(), a); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	// 960 appends of 20 KB are 19 MB of history.
	if n := logSize(t, st); n > 8<<20 {
		t.Errorf("the log has grown to %d bytes", n)
	}
	if len(ran) < 4 {
		t.Errorf("only %d checkpoints ran", len(ran))
	}
	for len(ran) > 0 {
		if mode := <-ran; mode != "PASSIVE" {
			t.Errorf("a checkpoint %s ran", mode)
		}
	}
}

// [S-6] Heartbeats, checkpoints of runs and packages fill the log too.
func TestOtherWritesFillTheLog(t *testing.T) {
	tune := defaultTuning
	tune.passiveBytes, tune.idle = 64<<10, time.Hour
	for name, put := range map[string]func(st *Store, i int) error{
		"heartbeats": func(st *Store, i int) error {
			return st.PutHeartbeat(context.Background(), ports.Heartbeat{Run: "r", Ordinal: model.Ordinal(i)})
		},
		"packages": func(st *Store, i int) error {
			return st.PutPackage(context.Background(), ports.Package{Hash: model.PackageHash(rune('a' + i)), Code: make([]byte, 100_000)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			tune, ran := watched(tune)
			st, _ := openFaulty(t, t.TempDir(), Options{}, tune)
			for i := 0; !seen(ran, "PASSIVE"); i++ {
				if i == 1000 {
					t.Fatal("no checkpoint ran")
				}
				if err := put(st, i); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// [S-6] A log that has grown too large is cut.
func TestLargeLogIsCut(t *testing.T) {
	tune := defaultTuning
	tune.passiveBytes, tune.truncateBytes, tune.idle = 64<<10, 128<<10, time.Hour
	tune, ran := watched(tune)
	st, _ := openFaulty(t, t.TempDir(), Options{}, tune)
	for i := 0; ; i++ {
		if i == 10_000 {
			t.Fatal("the log was not cut")
		}
		a := creating(time.Duration(i).String())
		a.History[0].Bytes = make([]byte, 20_000)
		if _, err := st.Append(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if seen(ran, "TRUNCATE") {
			return
		}
	}
}

func seen(ran chan string, mode string) bool {
	for len(ran) > 0 {
		if <-ran == mode {
			return true
		}
	}
	return false
}

// [S-6] When nothing is committed for a while, the log is put into the file and cut; then nothing more happens until the next commit.
func TestIdleLogIsCut(t *testing.T) {
	tune := defaultTuning
	tune.idle = time.Millisecond
	tune, ran := watched(tune)
	st, _ := openFaulty(t, t.TempDir(), Options{}, tune)
	for _, name := range []string{"a", "b", "c"} {
		if _, err := st.Append(t.Context(), creating(name)); err != nil {
			t.Fatal(err)
		}
		if mode := <-ran; mode != "TRUNCATE" {
			t.Fatalf("%s ran", mode)
		}
		for seen(ran, "TRUNCATE") { // a commit may fall between the look at the clock and the cut
			continue
		}
		if n := logSize(t, st); n != 0 {
			t.Errorf("%d bytes are in the log of an idle store", n)
		}
	}
	if _, found := chainOf(t, st, "a"); !found {
		t.Error("the data is gone")
	}
}

// A checkpoint that fails is tried again, and harms nobody.
func TestFailedCheckpoint(t *testing.T) {
	tune := defaultTuning
	tune.idle = time.Millisecond
	tune, ran := watched(tune)
	st, f := openFaulty(t, t.TempDir(), Options{}, tune)
	f.hooks(failOn("PRAGMA wal_checkpoint", 0, failure("database or disk is full")), nil)
	if _, err := st.Append(t.Context(), creating("a")); err != nil {
		t.Fatal(err)
	}
	if mode := <-ran; !strings.HasPrefix(mode, "TRUNCATE failed") {
		t.Fatalf("%s ran", mode)
	}
	f.hooks(nil, nil)
	if _, err := st.Append(t.Context(), creating("b")); err != nil {
		t.Fatal(err)
	}
	for mode := range ran {
		if mode == "TRUNCATE" {
			break
		}
	}
	if n := logSize(t, st); n != 0 {
		t.Errorf("%d bytes are in the log", n)
	}
}

// [S-6] No read holds up a commit, and none outlives its page: while all readers are in use, appends go on.
func TestReadersDoNotHoldUpWrites(t *testing.T) {
	st, _ := openFaulty(t, t.TempDir(), Options{}, defaultTuning)
	var held []*conn
	for range st.tune.readers {
		c, err := st.readers.borrow(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	if _, err := st.Append(t.Context(), creating("a")); err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() { _, err := st.History(t.Context(), "run-a", 1, 1); read <- err }()
	for _, c := range held {
		st.readers.giveBack(c)
	}
	if err := <-read; err != nil {
		t.Error(err)
	}
	if _, err := st.History(t.Context(), "run-a", 1, 1); err != nil {
		t.Error(err)
	}
}
