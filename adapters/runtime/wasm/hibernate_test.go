package wasm_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/adapters/runtime/wasm"
	"github.com/aionrun/aion/adapters/runtime/wasm/internal/asm"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// blobFiles lists the files of hibernated instances.
func blobFiles(t testing.TB, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "hibernated"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func keyOf(run string) ports.SnapshotKey { return ports.SnapshotKey{Run: model.RunID(run), Seq: 7} }

func hibernate(t testing.TB, i ports.Instance, run string) {
	t.Helper()
	if ok, err := i.Hibernate(context.Background(), keyOf(run)); !ok || err != nil {
		t.Fatalf("Hibernate: %v, %v", ok, err)
	}
}

func restore(t testing.TB, p ports.Program, run string) (ports.Instance, bool) {
	t.Helper()
	i, ok, err := p.Restore(context.Background(), keyOf(run), [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if ok {
		t.Cleanup(func() { i.Close(context.Background()) })
	}
	return i, ok
}

// [D-9] Wherever a blob is cut or changed, it is dropped: Restore says that there is none, and the file is gone.
func TestDamagedBlobs(t *testing.T) {
	code, _ := flow.load(t)
	dir := cacheDir(t)
	rt := open(t, wasm.Options{CacheDir: dir})
	p := load(t, rt, code)
	i, _, err := begin(t, p, "inbox", "null", ports.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	hibernate(t, i, "r")
	files := blobFiles(t, dir)
	if len(files) != 1 {
		t.Fatalf("files %v", files)
	}
	blob, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(files[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(filepath.Join(dir, "hibernated")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder's mode is %v, %v", info.Mode(), err)
	}
	dropped := rt.Stats().Dropped
	try := func(what string, b []byte) {
		if err := os.WriteFile(files[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok := restore(t, p, "r"); ok {
			t.Errorf("%s: restored", what)
		}
		if _, err := os.Stat(files[0]); err == nil {
			t.Errorf("%s: the file is still there", what)
		}
		if dropped++; rt.Stats().Dropped != dropped {
			t.Errorf("%s: dropped %d; want %d", what, rt.Stats().Dropped, dropped)
		}
	}
	for n := 0; n < len(blob); n += 1 + n/3 {
		try("cut to "+strconv.Itoa(n), blob[:n])
	}
	for at := 0; at < len(blob); at += 1 + at/8 {
		b := slices.Clone(blob)
		b[at] ^= 0x20
		try("changed at "+strconv.Itoa(at), b)
	}
	try("lengthened", append(slices.Clone(blob), 0))
	if err := os.WriteFile(files[0], blob, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := restore(t, p, "r"); !ok {
		t.Error("the undamaged blob is not restored")
	}
}

// [D-9] A blob of another package, and thus of another image, is dropped.
func TestBlobOfAnotherPackage(t *testing.T) {
	code, _ := flow.load(t)
	rt := open(t, wasm.Options{})
	a, b := load(t, rt, code), load(t, rt, asm.Guest().Bytes())
	i, _, err := begin(t, a, "inbox", "null", ports.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	hibernate(t, i, "r")
	if _, ok := restore(t, b, "r"); ok {
		t.Error("restored into another package")
	}
	if s := rt.Stats(); s.Dropped != 1 {
		t.Errorf("dropped %d", s.Dropped)
	}
}

// [D-9] Hibernated instances outlive the process.
func TestBlobsOutliveTheRuntime(t *testing.T) {
	code, _ := flow.load(t)
	dir := cacheDir(t)
	rt := open(t, wasm.Options{CacheDir: dir})
	i, _, err := begin(t, load(t, rt, code), "inbox", "null", ports.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	hibernate(t, i, "r")
	digest := i.Digest()
	if err := rt.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, ok := restore(t, load(t, open(t, wasm.Options{CacheDir: dir}), code), "r")
	if !ok || string(again.Digest()) != string(digest) {
		t.Errorf("restored: %v, or with another state", ok)
	}
}

// [B-1] The files stay within their bound; the oldest go first, also those of an earlier process.
func TestBlobsAreBounded(t *testing.T) {
	code, _ := flow.load(t)
	dir := cacheDir(t)
	rt := open(t, wasm.Options{CacheDir: dir})
	i, _, err := begin(t, load(t, rt, code), "inbox", "null", ports.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	hibernate(t, i, "old")
	info, err := os.Stat(blobFiles(t, dir)[0])
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(blobFiles(t, dir)[0], long, long); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "hibernated", "00", "what is this"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rt.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	rt = open(t, wasm.Options{CacheDir: dir, HibernateBytes: 4*info.Size() + info.Size()/2})
	p := load(t, rt, code)
	if i, _, err = begin(t, p, "inbox", "null", ports.Limits{}); err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		hibernate(t, i, "r"+strconv.Itoa(n))
	}
	for n := range 10 {
		if _, ok := restore(t, p, "r"+strconv.Itoa(n)); ok != (n >= 6) {
			t.Errorf("blob %d: restored %v", n, ok)
		}
	}
	if err := rt.Close(t.Context()); err != nil { // waits until the old files are counted
		t.Fatal(err)
	}
	if files := blobFiles(t, dir); len(files) != 4 {
		t.Errorf("%d files are left: %v", len(files), files)
	}
	if s := rt.Stats(); s.Dropped != 7 {
		t.Errorf("dropped %d; want 7", s.Dropped)
	}
}

// Without a directory, and with one that cannot be written, runs are not hibernated and nothing fails.
func TestNoPlaceToHibernate(t *testing.T) {
	code, _ := flow.load(t)
	dir := cacheDir(t)
	p := load(t, open(t, wasm.Options{CacheDir: dir}), code)
	i, _, err := begin(t, p, "inbox", "null", ports.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "hibernated")); err != nil {
		t.Fatal(err)
	}
	if ok, err := i.Hibernate(t.Context(), keyOf("r")); ok || err != nil {
		t.Errorf("Hibernate: %v, %v", ok, err)
	}
	if _, ok := restore(t, p, "r"); ok {
		t.Error("restored from nowhere")
	}
}

// [D-1] [D-9] Random activations leave the same memory behind in an instance that lives all the time, in one that is cloned or
// hibernated and restored wherever it may be, and in a replay.
func TestSameMemory(t *testing.T) {
	_, p := flow.shared(t)
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		var past [][]byte
		straight, err := p.New(ctx, [32]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		moved, err := p.New(ctx, [32]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { straight.Close(ctx); moved.Close(ctx) }()
		give := func(i ports.Instance, page []byte) string {
			out, err := i.Activate(ctx, ports.Activation{Now: time.Unix(int64(len(past)), 0), Live: true, Events: page})
			if err != nil {
				t.Fatal(err)
			}
			return string(out.Commands)
		}
		kind := rapid.SampledFrom([]string{"inbox", "shuffle", "steps", "churn", "work"}).Draw(t, "workflow")
		for n := range rapid.IntRange(1, 12).Draw(t, "activations") {
			var page []byte
			if n == 0 {
				page = started(kind, "6")
			} else {
				for range rapid.IntRange(0, 3).Draw(t, "events") {
					var e history.Attributes = &history.SignalReceived{Name: "add", Input: model.Payload{Data: []byte(`"` + rapid.StringMatching(`[a-z]{0,300}`).Draw(t, "text") + `"`)}}
					if kind != "inbox" {
						e = &history.ActivityCompleted{Ordinal: model.Ordinal(rapid.IntRange(1, 20).Draw(t, "ordinal")), Result: model.Payload{Data: []byte("1")}}
					}
					page = history.AppendEvent(page, &history.Event{Seq: 1, Time: 1, Attr: e})
				}
			}
			past = append(past, page)
			switch rapid.IntRange(0, 3).Draw(t, "move") {
			case 1:
				c, _, err := moved.Clone(ctx)
				if err != nil {
					t.Fatal(err)
				}
				moved.Close(ctx)
				moved = c
			case 2:
				if ok, err := moved.Hibernate(ctx, keyOf("r")); !ok || err != nil {
					t.Fatal(ok, err)
				}
				moved.Close(ctx)
				i, ok, err := p.Restore(ctx, keyOf("r"), [32]byte{1})
				if !ok || err != nil {
					t.Fatal(ok, err)
				}
				moved = i
			case 3: // a query on a copy
				c, _, err := moved.Clone(ctx)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = c.Query(ctx, ports.Query{Name: "seen"})
				c.Close(ctx)
			}
			if give(straight, page) != give(moved, page) {
				t.Fatal("other commands")
			}
		}
		if string(straight.Digest()) != string(moved.Digest()) {
			t.Fatal("another memory")
		}
		replayed, err := p.New(ctx, [32]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		defer replayed.Close(ctx)
		for n, page := range past {
			if _, err := replayed.Activate(ctx, ports.Activation{Now: time.Unix(int64(n+1), 0), Events: page}); err != nil {
				t.Fatal(err)
			}
		}
		if string(straight.Digest()) != string(replayed.Digest()) {
			t.Fatal("a replay leaves another memory")
		}
	})
}

// [C-7] A memory that another instance used before is in the state of the image, byte for byte, whatever was done to it.
func TestReusedMemory(t *testing.T) {
	rt, p := flow.shared(t)
	digest := func() string {
		i, err := p.New(t.Context(), [32]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		defer i.Close(t.Context())
		return string(i.Digest())
	}
	fresh := digest()
	before := rt.Stats().LiveBytes
	for _, use := range []struct{ workflow, input string }{{"shuffle", "null"}, {"panic", "null"}, {"work", "30"}, {"churn", "2"}, {"churn", "40"}, {"hog", "null"}} {
		for range 3 {
			i, _, _ := begin(t, p, use.workflow, use.input, ports.Limits{MemoryBytes: 24 << 20})
			i.Close(t.Context())
			if digest() != fresh {
				t.Fatalf("after %s %s a new instance is not the image", use.workflow, use.input)
			}
		}
	}
	if kept := rt.Stats().LiveBytes - before; kept > 20<<20 {
		t.Errorf("what is kept counts %d bytes", kept)
	}
}
