package bench

import (
	"testing"
	"time"
)

func TestTimes(t *testing.T) {
	var all []time.Duration
	for i := 100; i >= 1; i-- {
		all = append(all, time.Duration(i)*time.Millisecond)
	}
	var r Result
	r.times(all, 2*time.Second)
	want := Result{Count: 100, WallS: 2, Rate: 50, P50: 50, P95: 95, P99: 99, Max: 100}
	if r != want {
		t.Errorf("got %+v, want %+v", r, want)
	}
	r.against(25, r.P50)
	if r.FloorMS != 25 || r.Ratio != 2 {
		t.Errorf("floor %v, ratio %v", r.FloorMS, r.Ratio)
	}
	r = Result{}
	r.times(nil, 0)
	if r != (Result{}) {
		t.Errorf("nothing measured gives %+v", r)
	}
	r.times([]time.Duration{time.Second}, time.Second)
	if r.P50 != 1000 || r.P99 != 1000 {
		t.Errorf("one measured gives %+v", r)
	}
}

func TestFloor(t *testing.T) {
	f := floor{fsync: time.Millisecond, call: 2 * time.Millisecond, rows: 6000}
	for what, c := range map[string][2]float64{"run": {f.run(), 6}, "signal": {f.signal(), 5}, "share": {f.share(), 1}, "no rows": {floor{}.share(), 0}} {
		if c[0] != c[1] {
			t.Errorf("%s: got %v ms, want %v", what, c[0], c[1])
		}
	}
}
