package sqlstore

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

// [C-8] A COMMIT whose outcome is unknown stops the store: nothing is answered but that, and the next opening finds what is there.
func TestUnknownOutcome(t *testing.T) {
	for name, c := range map[string]struct {
		hooks     func(f *faulty)
		committed bool
	}{
		"lost before it happened": {func(f *faulty) { f.hooks(failOn("COMMIT", 0, failure("disk I/O error")), nil) }, false},
		"lost after it happened":  {func(f *faulty) { f.hooks(nil, failOn("COMMIT", 0, failure("disk I/O error"))) }, true},
		"an unknown error":        {func(f *faulty) { f.hooks(nil, failOn("COMMIT", 0, errInjected)) }, true},
		"full, but it happened": {func(f *faulty) {
			f.hooks(nil, failOn("COMMIT", 0, failure("database or disk is full")))
		}, true},
		"a rollback that fails": {func(f *faulty) {
			f.hooks(func(sql string) error {
				if sql == "ROLLBACK" || strings.HasPrefix(sql, "INSERT INTO run") {
					return failure("disk I/O error")
				}
				return nil
			}, nil)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fatal := make(chan error, 10)
			st, f := openFaulty(t, dir, Options{OnFatal: func(err error) { fatal <- err }}, quick())
			if _, err := st.Append(t.Context(), creating("before")); err != nil {
				t.Fatal(err)
			}
			c.hooks(f)
			_, err := st.Append(t.Context(), creating("a"))
			if !fault.Has(err, fault.UnknownOutcome) || !strings.Contains(err.Error(), st.file.path) || !strings.Contains(err.Error(), "must end") {
				t.Fatalf("the append gave %v, want unknown_outcome with the file and what to do", err)
			}
			f.hooks(nil, nil)
			for range 2 {
				if _, err := st.Append(t.Context(), creating("b")); !fault.Has(err, fault.UnknownOutcome) {
					t.Errorf("a later append gave %v, want unknown_outcome", err)
				}
				if _, _, err := st.Chain(t.Context(), keyOf("before")); !fault.Has(err, fault.UnknownOutcome) {
					t.Errorf("a later read gave %v, want unknown_outcome", err)
				}
				if err := st.PutNamespace(t.Context(), ports.NamespaceRecord{Name: "n"}); !fault.Has(err, fault.UnknownOutcome) {
					t.Errorf("a later put gave %v, want unknown_outcome", err)
				}
			}
			if told := <-fatal; !errors.Is(told, fault.Of(fault.UnknownOutcome)) && !fault.Has(told, fault.UnknownOutcome) {
				t.Errorf("OnFatal was told %v", told)
			}
			if err := st.Close(); err != nil {
				t.Error(err)
			}
			if len(fatal) > 0 {
				t.Error("OnFatal was called again")
			}
			again, _ := openFaulty(t, dir, Options{}, defaultTuning)
			if _, found := chainOf(t, again, "before"); !found {
				t.Error("what was acknowledged is gone")
			}
			if _, found := chainOf(t, again, "a"); found != c.committed {
				t.Errorf("the append is there: %v, want %v", found, c.committed)
			}
			if _, found := chainOf(t, again, "b"); found {
				t.Error("a stopped store wrote")
			}
		})
	}
}

// Everything that waited when the store stopped is answered, and Close does not hang.
func TestUnknownOutcomeWithQueue(t *testing.T) {
	st, f := openFaulty(t, t.TempDir(), Options{}, quick())
	f.hooks(failOn("COMMIT", 0, errInjected), nil)
	out := together(t, st, creating("a"), creating("b"), continuing("none", 1))
	expectReasons(t, out, fault.UnknownOutcome, fault.UnknownOutcome, fault.UnknownOutcome)
}

// A file or driver that does not take a setting is refused: a commit would not be durable.
func TestSettingsAreReadBack(t *testing.T) {
	for _, p := range writing {
		if p.want == "" {
			continue
		}
		t.Run(p.set, func(t *testing.T) {
			wrong := conn{c: settingConn{}, driver: &Driver{Name: "x", Classify: func(error) Class { return ClassOther }}}
			err := wrong.configure(dbFile{"/x.db"}, []pragma{p})
			if !fault.Has(err, fault.Unavailable) || !strings.Contains(err.Error(), p.set) {
				t.Errorf("a setting that reads back as another one gave %v", err)
			}
		})
	}
}

// [B-1] A full queue makes callers wait, and refuses them after a while.
func TestFullQueue(t *testing.T) {
	tune := quick()
	tune.queueWait = 10 * time.Millisecond
	st, _ := openFaulty(t, t.TempDir(), Options{QueueBytes: 3000}, tune)
	st.writer.pause.Lock()
	answers := make(chan error, 10)
	for i := range 10 {
		a := creating(string(rune('a' + i)))
		a.History[0].Bytes = make([]byte, 400) // some 1,000 bytes in all: two fit, beside one that is as large as the queue
		go func() { _, err := st.Append(t.Context(), a); answers <- err }()
	}
	refused := 0
	for range 7 { // three at most are in the queue or with the writer
		if err := <-answers; !fault.Has(err, fault.Overloaded) || !strings.Contains(err.Error(), "commit queue") {
			t.Errorf("a full queue gave %v, want overloaded", err)
		}
		refused++
	}
	if s := st.Stats(); s.QueuedBytes < 2500 || s.QueuedBytes > 3000 || s.QueueBytes != 3000 {
		t.Errorf("the store tells of %d of %d bytes", s.QueuedBytes, s.QueueBytes)
	}
	st.writer.pause.Unlock()
	for range 10 - refused {
		if err := <-answers; err != nil && !fault.Has(err, fault.Overloaded) {
			t.Error(err)
		}
	}
	// An append above the whole queue goes in alone.
	a := creating("large")
	a.History[0].Bytes = make([]byte, 100_000)
	if _, err := st.Append(t.Context(), a); err != nil {
		t.Error(err)
	}
}
