// Package deploy holds what is shipped beside the binary to the binary: dashboards and alerts ask for metrics that exist, the compose file, the chart and
// the images set keys that exist.
package deploy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{"../.."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The page of metrics is held to the server by its own test.
func TestMetricsExist(t *testing.T) {
	known := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(aion_[a-z_]+)` \\| (counter|gauge|histogram)").FindAllStringSubmatch(read(t, "docs", "metrics.md"), -1) {
		known[m[1]] = true
		if m[2] == "histogram" {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				known[m[1]+suffix] = true
			}
		}
	}
	if len(known) < 30 {
		t.Fatalf("docs/metrics.md has %d metrics; the pattern no longer finds them", len(known))
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "deploy", "dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	asked := map[string]string{"alerts.yaml": strings.Join(regexp.MustCompile(`(?m)^\s+expr: .*$`).FindAllString(read(t, "deploy", "alerts.yaml"), -1), "\n")}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			asked["panel "+p.Title] += target.Expr + "\n"
		}
	}
	n := 0
	for where, text := range asked {
		for _, name := range regexp.MustCompile(`\baion_[a-z_]+`).FindAllString(text, -1) {
			if n++; !known[name] {
				t.Errorf("%s asks for %s, which docs/metrics.md does not have", where, name)
			}
		}
	}
	if n < 25 {
		t.Errorf("only %d metrics are asked for", n)
	}
}

func TestKeysExist(t *testing.T) {
	reference := read(t, "docs", "configuration.md")
	notKeys := map[string]bool{"AION_ADDRESS": true, "AION_TOKEN": true, "AION_NAMESPACE": true}
	n := 0
	for _, file := range []string{"Dockerfile", "worker.Dockerfile", "compose.yaml", "helm/aion/templates/statefulset.yaml"} {
		for _, name := range regexp.MustCompile(`\bAION_[A-Z_]+[A-Z]`).FindAllString(read(t, "deploy", file), -1) {
			if n++; !notKeys[name] && !strings.Contains(reference, "`"+name+"`") {
				t.Errorf("deploy/%s sets %s, which docs/configuration.md does not have", file, name)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d keys are set", n)
	}
}
