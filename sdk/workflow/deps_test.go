package workflow_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Workflow packages link these two packages and all that they need; that must stay small and free of everything a sandbox cannot give.
func TestDependencies(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "github.com/aionrun/aion/sdk/workflow", "github.com/aionrun/aion/sdk/activity", "github.com/aionrun/aion/sdk/payload")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, dep := range strings.Fields(string(out)) {
		for _, bad := range []string{"net", "crypto/tls", "crypto/x509", "os/exec", "database/sql", "log/slog", "text/template"} {
			if dep == bad || strings.HasPrefix(dep, "net/") {
				t.Errorf("links %s", dep)
			}
		}
		first, _, _ := strings.Cut(dep, "/")
		own := dep == "github.com/aionrun/aion/sdk/workflow" || dep == "github.com/aionrun/aion/sdk/activity" || strings.HasPrefix(dep, "github.com/aionrun/aion/sdk/guest") || dep == "github.com/aionrun/aion/sdk/payload"
		if strings.Contains(first, ".") && !own {
			t.Errorf("links %s", dep)
		}
	}
}
