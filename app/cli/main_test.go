package cli

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// TestMain is also the binary that the scripts call: aion, and a worker for the workflows of workflows_test.go.
func TestMain(m *testing.M) {
	testscript.Main(checked{m}, map[string]func(){
		"aion": func() {
			p := OS()
			if os.Getenv("TEST_WORKFLOWS") != "" {
				p.Server.Native = testWorkflows()
			}
			if os.Getenv("TEST_STORE_LOSES_COMMITS") != "" {
				p.Server.Store = newLossyStore()
			}
			os.Exit(Run(p))
		},
		"testworker": func() { os.Exit(testWorker()) },
	})
}

// checked finds goroutines that tests left behind.
type checked struct{ m *testing.M }

func (c checked) Run() int {
	code := c.m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
