package archive_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/aionrun/aion/domain/archive"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

func manifest() archive.Manifest {
	return archive.Manifest{
		Name: "hello", ABI: 1, SDK: "go 0.1.0", GoVersion: "go1.26.0", BuildFlags: []string{"-trimpath"},
		Workflows:  []archive.Workflow{{Type: "Hello", Signals: []model.SignalName{"s"}, Queries: []model.QueryName{"q"}}},
		Activities: []model.ActivityType{"Greet"},
	}
}

var module = bytes.Repeat([]byte("\x00asm module "), 1000)

func write(t testing.TB) []byte {
	t.Helper()
	b, err := archive.Write(manifest(), module)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// seal makes the checksum right again after a change.
func seal(b []byte) []byte {
	end := len(b) - sha256.Size
	sum := sha256.Sum256(b[:end])
	return append(b[:end:end], sum[:]...)
}

func TestRoundTrip(t *testing.T) {
	b := write(t)
	if !bytes.Equal(b, write(t)) {
		t.Error("the same package gives other bytes")
	}
	a, err := archive.Read(b, archive.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := manifest()
	want.Format, want.ModuleBytes, want.ModuleHash = 1, int64(len(module)), a.Manifest.ModuleHash
	if !bytes.Equal(a.Code, module) || !reflect.DeepEqual(a.Manifest, want) || len(a.Manifest.ModuleHash) != 64 {
		t.Errorf("%+v", a.Manifest)
	}
	if err := model.ValidatePackageHash(a.Hash); err != nil || a.Hash != archive.Hash(1, module) {
		t.Error(a.Hash, err)
	}
	if m, err := archive.ReadManifest(a.ManifestJSON); err != nil || !reflect.DeepEqual(m, want) {
		t.Error(m, err)
	}
}

// The hash changes with what changes behaviour, and with nothing else.
func TestHash(t *testing.T) {
	other := manifest()
	other.Name, other.SDK = "renamed", "go 0.1.1"
	b, err := archive.Write(other, module)
	if err != nil {
		t.Fatal(err)
	}
	a, err := archive.Read(b, archive.Limits{})
	if err != nil || a.Hash != archive.Hash(1, module) {
		t.Error("a new description changed the hash", err)
	}
	if archive.Hash(2, module) == archive.Hash(1, module) || archive.Hash(1, module[1:]) == archive.Hash(1, module) {
		t.Error("another ABI or module has the same hash")
	}
}

func TestRefused(t *testing.T) {
	good := write(t)
	change := func(at int, f func(b []byte)) []byte {
		b := bytes.Clone(good)
		f(b[at:])
		return seal(b)
	}
	stated := bytes.Index(good, []byte(`"module_bytes":12000`)) + len(`"module_bytes":`)
	for _, c := range []struct {
		name   string
		in     []byte
		limits archive.Limits
		reason fault.Reason
		text   string
	}{
		{"empty", nil, archive.Limits{}, fault.InvalidInput, "not an archive"},
		{"something else", []byte("PK\x03\x04 a zip file, for example"), archive.Limits{}, fault.InvalidInput, "not an archive"},
		{"bare module", []byte("\x00asm\x01\x00\x00\x00"), archive.Limits{}, fault.InvalidInput, "bare WebAssembly module"},
		{"truncated in the magic", good[:4], archive.Limits{}, fault.InvalidInput, "truncated"},
		{"truncated in the header", good[:12], archive.Limits{}, fault.InvalidInput, "truncated"},
		{"truncated in the module", good[:len(good)-40], archive.Limits{}, fault.InvalidInput, "truncated"},
		{"something behind", append(bytes.Clone(good), 0), archive.Limits{}, fault.InvalidInput, "behind its end"},
		{"newer version", change(8, func(b []byte) { b[0] = 2 }), archive.Limits{}, fault.InvalidInput, "format version 2"},
		{"newer version in the manifest", change(bytes.Index(good, []byte(`"format":1`))+9, func(b []byte) { b[0] = '7' }), archive.Limits{}, fault.InvalidInput, "format version 7"},
		{"huge manifest", change(12, func(b []byte) { binary.LittleEndian.PutUint32(b, 1<<30) }), archive.Limits{}, fault.InvalidInput, "states a manifest"},
		{"flipped bit", func() []byte { b := bytes.Clone(good); b[len(b)/2] ^= 1; return b }(), archive.Limits{}, fault.InvalidInput, "checksum"},
		{"broken manifest", change(20, func(b []byte) { b[0] = '[' }), archive.Limits{}, fault.InvalidInput, "not valid JSON"},
		{"another module", change(bytes.Index(good, []byte(`"module_hash":"`))+15, func(b []byte) { b[0] ^= 1 }), archive.Limits{}, fault.InvalidInput, "not the one"},
		{"broken module", change(len(good)-sha256.Size-40, func(b []byte) { clear(b[:40]) }), archive.Limits{}, fault.InvalidInput, "corrupt"},
		{"larger than stated", change(stated, func(b []byte) { copy(b, "11999") }), archive.Limits{}, fault.InvalidInput, "larger than the 11999"},
		{"smaller than stated", change(stated, func(b []byte) { copy(b, "12001") }), archive.Limits{}, fault.InvalidInput, "ends after 12000"},
		{"impossible size", change(stated, func(b []byte) { copy(b, "9e4\x20\x20") }), archive.Limits{}, fault.InvalidInput, "not valid JSON"},
		{"too large", good, archive.Limits{ArchiveBytes: int64(len(good) - 1)}, fault.ArchiveTooLarge, "archive is"},
		{"too large inside", good, archive.Limits{InflatedBytes: int64(len(module) - 1)}, fault.ArchiveTooLarge, "module inside"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := archive.Read(c.in, c.limits)
			if !fault.Has(err, c.reason) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v: %v", fault.ReasonOf(err), err)
			}
			var f *fault.Error
			if errors.As(err, &f) && c.reason == fault.ArchiveTooLarge && f.Hint == "" {
				t.Error("no hint says what to do")
			}
		})
	}
	t.Run("bomb", func(t *testing.T) {
		m := manifest()
		b, err := archive.Write(m, make([]byte, 8<<20))
		if err != nil {
			t.Fatal(err)
		}
		n := testing.AllocsPerRun(1, func() {
			if _, err := archive.Read(b, archive.Limits{InflatedBytes: 1 << 20}); !fault.Has(err, fault.ArchiveTooLarge) {
				t.Error(err)
			}
		})
		if n > 200 {
			t.Errorf("%v allocations", n)
		}
	})
}

func TestManifestRefused(t *testing.T) {
	for name, change := range map[string]func(*archive.Manifest){
		"no workflow type":  func(m *archive.Manifest) { m.Workflows = nil },
		"workflow type":     func(m *archive.Manifest) { m.Workflows[0].Type = "" },
		"control character": func(m *archive.Manifest) { m.Workflows[0].Type = "a\x00b" },
		"twice":             func(m *archive.Manifest) { m.Workflows = append(m.Workflows, m.Workflows[0]) },
		"signal name":       func(m *archive.Manifest) { m.Workflows[0].Signals[0] = "" },
		"query name":        func(m *archive.Manifest) { m.Workflows[0].Queries[0] = "" },
		"activity type":     func(m *archive.Manifest) { m.Activities[0] = "" },
		"manifest is 1048":  func(m *archive.Manifest) { m.Name = strings.Repeat("x", 1<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			m := manifest()
			change(&m)
			if _, err := archive.Write(m, module); !fault.Has(err, fault.InvalidInput) || !strings.Contains(err.Error(), name) {
				t.Error(err)
			}
		})
	}
	for _, b := range []string{"", "{}", "[]", `{"format":1} {}`, `{"format":1,"workflows":[{"type":"A"}]}x`} {
		if _, err := archive.ReadManifest([]byte(b)); !fault.Has(err, fault.InvalidInput) {
			t.Errorf("%q: %v", b, err)
		}
	}
}

// Whatever the bytes, Read answers within its limits; what it accepts, it would write the same.
func FuzzRead(f *testing.F) {
	good := write(f)
	f.Add(good, false)
	f.Add(good[:50], true)
	f.Add([]byte("\x89AION\r\n\x1a\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"), true)
	f.Fuzz(func(t *testing.T, b []byte, fix bool) {
		if fix && len(b) > sha256.Size {
			b = seal(b)
		}
		a, err := archive.Read(b, archive.Limits{ArchiveBytes: 1 << 20, InflatedBytes: 1 << 20})
		if err != nil {
			if r := fault.ReasonOf(err); r != fault.InvalidInput && r != fault.ArchiveTooLarge {
				t.Fatal(err)
			}
			return
		}
		if int64(len(a.Code)) > 1<<20 || a.Hash != archive.Hash(a.Manifest.ABI, a.Code) {
			t.Fatal("a module beyond the limit, or another hash")
		}
		if _, err := archive.Write(a.Manifest, a.Code); err != nil {
			t.Fatal(err)
		}
	})
}
