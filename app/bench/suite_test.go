package bench

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMiddle(t *testing.T) {
	one := func(name string, callers int, ratio, p50 float64) Result {
		return Result{Name: name, Concurrency: callers, Ratio: ratio, P50: p50}
	}
	got := middle([]Result{
		one("floor fsync", 1, 1, 9), one("latency", 1, 2, 1), one("latency", 2, 8, 1),
		one("floor fsync", 1, 1, 1), one("latency", 1, 9, 2), one("latency", 2, 7, 1),
		one("floor fsync", 1, 1, 4), one("latency", 1, 3, 3),
	})
	want := []Result{one("floor fsync", 1, 1, 4), one("latency", 1, 3, 3), one("latency", 2, 7, 1)}
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
	if got := middle(nil); got != nil {
		t.Errorf("nothing gives %+v", got)
	}
}

func TestReport(t *testing.T) {
	r := Report{Date: "2026-01-02T03:04:05Z", Machine: thisMachine(), Repeat: 1, Results: []Result{
		{Name: "floor fsync", Ratio: 1}, {Name: "latency", Runtime: "<native>", Concurrency: 1, Ratio: 2.5},
	}}
	file := filepath.Join(t.TempDir(), "deep", "report.json")
	if err := r.Write(file); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(b, &back); err != nil || len(back.Results) != 2 || back.Results[1] != r.Results[1] || back.Machine != r.Machine {
		t.Errorf("read back %+v, %v", back, err)
	}
	plot, err := os.ReadFile(filepath.Join(filepath.Dir(file), "report.svg"))
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(strings.NewReader(string(plot)))
	for err == nil {
		_, err = d.Token()
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("the plot is no XML: %v\n%s", err, plot)
	}
	for _, want := range []string{"latency, &lt;native&gt;, 1 at a time", ">2.5<", "2026-01-02, "} {
		if !strings.Contains(string(plot), want) {
			t.Errorf("the plot has no %q:\n%s", want, plot)
		}
	}
	if strings.Contains(string(plot), "fsync") {
		t.Error("the floor is drawn, which is always 1")
	}
	if err := r.Write(filepath.Join(file, "below", "a.json")); err == nil {
		t.Error("a file was taken for a folder")
	}
}
