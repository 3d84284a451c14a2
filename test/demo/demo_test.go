package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ordersaga "github.com/aionrun/aion/examples/order-saga"
	"github.com/aionrun/aion/examples/order-saga/shop"
	"github.com/aionrun/aion/test/process"
)

// The demo passes as it is, and is not content with any sabotage: each is found out as what it is. It is the program that "make demo"
// runs, on fewer orders.
func TestDemo(t *testing.T) {
	bin := t.TempDir()
	aion, err := process.Build(t.Context(), "./cmd/aion", bin)
	if err != nil {
		t.Fatal(err)
	}
	demo, err := process.Build(t.Context(), "./test/demo", bin)
	if err != nil {
		t.Fatal(err)
	}
	// Once, so that the demos find them made.
	for _, program := range []string{"worker", "checker", "early"} {
		if _, err := process.Build(t.Context(), "./test/demo/"+program, bin); err != nil {
			t.Fatal(err)
		}
	}
	orders := filepath.Join(bin, "orders.json")
	b, err := shop.WriteOrders(some(shop.Orders(), placed))
	if err == nil {
		err = os.WriteFile(orders, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	for sabotage, shows := range map[string]string{"": "", "drop_result": "lost", "ack_before_commit": "lost", "run_twice": "repeated_after_recorded"} {
		t.Run("sabotage="+sabotage, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			out := filepath.Join(dir, "demo.json")
			c := exec.CommandContext(ctx, demo, "-aion", aion, "-bin", bin, "-dir", filepath.Join(dir, "demo"), "-out", out, "-orders", orders, "-sabotage", sabotage)
			printed, err := c.CombinedOutput()
			t.Logf("%s", printed)
			if code := c.ProcessState.ExitCode(); (code == 0) != (sabotage == "") {
				t.Fatalf("exit code %d, %v", code, err)
			}
			b, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			var r map[string]float64
			if err := json.Unmarshal(b, &r); err != nil {
				t.Fatal(err)
			}
			if r["started"] != placed || r["kills_with_open_runs"] < wantKills {
				t.Errorf("%s", b)
			}
			if sabotage == "" && r["lost"]+r["repeated_after_recorded"]+r["money_balance"]+r["wrong"] != 0 {
				t.Errorf("%s", b)
			}
			if shows != "" && r[shows] == 0 {
				t.Errorf("it failed for another reason: %s", b)
			}
			lines := strings.Split(strings.TrimSpace(string(printed)), "\n")
			if !strings.Contains(string(printed), "the database stays; to look at one run:") {
				t.Errorf("the last lines: %q", lines[max(0, len(lines)-3):])
			}
		})
	}
}

// placed is how many orders are placed; wantKills is what the checker asks for.
const (
	placed    = 50
	wantKills = 5
)

// some takes n orders, without those that take long, and with one card that crashes the worker.
func some(all []ordersaga.Order, n int) (out []ordersaga.Order) {
	crash := false
	for _, o := range all {
		switch {
		case o.Card == shop.CardSilent, o.Card == shop.CardCrash && crash:
			continue
		case o.Card == shop.CardCrash:
			crash = true
		case !crash && len(out) == n-1:
			continue
		}
		if out = append(out, o); len(out) == n {
			break
		}
	}
	return out
}

func TestRefusals(t *testing.T) {
	for name, d := range map[string]*demo{
		"no sabotage is called": {sabotage: "x"},
		"no such file":          {ordersFile: filepath.Join(t.TempDir(), "none.json"), dir: t.TempDir()},
	} {
		if err := d.run(t.Context()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
