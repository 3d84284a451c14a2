package sqlstore

import (
	"bytes"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Every identifier comes back from its packed form, no two share one, and UUIDs and hashes keep their order and lose half their size.
func TestPack(t *testing.T) {
	hexDigits := []rune("0123456789abcdef")
	text := rapid.OneOf(
		rapid.String(),
		rapid.StringOfN(rapid.SampledFrom(hexDigits), 64, 64, -1),
		rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
		rapid.StringMatching(`[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-g-]{12}`),
		rapid.StringOfN(rapid.RuneFrom([]rune{0, 1, 2, 'a'}), 0, 40, -1),
	)
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		pa, pb := pack(nil, a), pack(nil, b)
		if got, err := unpack(pa); err != nil || got != a {
			t.Fatalf("%q comes back as %q (%v)", a, got, err)
		}
		if (a == b) != bytes.Equal(pa, pb) {
			t.Fatalf("%q and %q share the form %x", a, b, pa)
		}
		if pa[0] == pb[0] && len(a) == len(b) && strings.Compare(a, b) != bytes.Compare(pa, pb) {
			t.Fatalf("%q and %q have another order when packed", a, b)
		}
	})
	if n := len(pack(nil, "0198f3a2-0001-7002-8123-0123456789ab")); n != 17 {
		t.Errorf("a UUID takes %d bytes", n)
	}
	if n := len(pack(nil, strings.Repeat("ab", 32))); n != 33 {
		t.Errorf("a hash takes %d bytes", n)
	}
	for _, damaged := range [][]byte{nil, {1}, {1, 2, 3}, {2}, {3, 4}, make([]byte, 0)} {
		if s, err := unpack(damaged); err == nil {
			t.Errorf("the damaged form %x gives %q", damaged, s)
		}
	}
}

// A run's row comes back as it was, and one that is damaged or from elsewhere is refused.
func TestDetail(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := ports.Run{
			Paused: rapid.Bool().Draw(t, "paused"), ClosedAt: moment(rapid.Int64().Draw(t, "closed")), HeadSeq: model.Seq(rapid.Uint32().Draw(t, "head")),
			HistoryBytes: rapid.Int64().Draw(t, "bytes"), Package: model.PackageHash(rapid.String().Draw(t, "package")),
			TaskQueue: model.TaskQueue(rapid.String().Draw(t, "queue")), StartRequest: model.RequestID(rapid.String().Draw(t, "request")),
			RequestDigest: rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "digest"),
		}
		if len(r.RequestDigest) == 0 {
			r.RequestDigest = nil
		}
		b := appendDetail(nil, &r)
		var got ports.Run
		if err := parseDetail(&got, b); err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("%+v comes back as %+v (%v)", r, got, err)
		}
		cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut")
		for _, damaged := range [][]byte{b[:cut], append(slices.Clone(b), 0), append([]byte{9}, b[1:]...)} {
			if parseDetail(&ports.Run{}, damaged) == nil {
				t.Fatalf("the damaged row %x of %x is taken", damaged, b)
			}
		}
		_ = parseDetail(&ports.Run{}, append([]byte{detailVersion}, rapid.SliceOf(rapid.Byte()).Draw(t, "noise")...)) // must not panic
	})
}

func TestPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "m")
		got, err := parsePairs(appendPairs(nil, m))
		if err != nil || !maps.Equal(got, m) {
			t.Fatalf("%v comes back as %v (%v)", m, got, err)
		}
		if _, err := parsePairs(rapid.SliceOf(rapid.Byte()).Draw(t, "damaged")); err != nil && !strings.Contains(err.Error(), "damaged") {
			t.Fatal(err)
		}
	})
	if _, err := parsePairs([]byte{200, 1, 'x'}); err == nil {
		t.Error("damaged metadata is taken")
	}
}

func TestNanos(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(math.MinInt64+1, math.MaxInt64).Draw(t, "n")
		if at := time.Unix(0, n); nanos(at) != n || !moment(n).Equal(at) {
			t.Fatalf("%v comes back as %v", at, moment(nanos(at)))
		}
	})
	for _, c := range []struct {
		at   time.Time
		want time.Time
	}{
		{time.Time{}, time.Time{}}, {time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), firstTime}, {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), lastTime},
	} {
		if got := moment(nanos(c.at)); !got.Equal(c.want) {
			t.Errorf("%v comes back as %v, want %v", c.at, got, c.want)
		}
	}
}
