// Package examples runs every example as its README says: its package built and deployed by the binary, its worker beside a real server.
package examples

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aionrun/aion/examples/approval"
	"github.com/aionrun/aion/examples/hello"
	ordersaga "github.com/aionrun/aion/examples/order-saga"
	"github.com/aionrun/aion/examples/order-saga/shop"
	"github.com/aionrun/aion/sdk/client"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/process"
)

func TestExamples(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	bin, dir := t.TempDir(), t.TempDir()
	aion, err := process.Build(ctx, "./cmd/aion", bin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := process.KeepServer(aion, dir, []string{"server"}, []string{"AION_WORKER__REATTACH_WINDOW=500ms"}, func(p *process.Process) {
		t.Errorf("the server ended by itself:\n%s", process.Tail(filepath.Join(dir, "server.log")))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(20 * time.Second); err != nil {
			t.Error(err)
		}
	}()
	if err := s.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	c, err := client.Dial(s.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	root, err := process.Root()
	if err != nil {
		t.Fatal(err)
	}
	// bring deploys an example and starts its worker; it gives the worker's folder.
	bring := func(t *testing.T, name string) string {
		home := t.TempDir()
		env := []string{"AION_ADDRESS=" + s.Address}
		_, err := process.Run(ctx, process.Command{Name: "aion deploy", Path: aion, Args: []string{"deploy", filepath.Join(root, "examples", name)}, Env: env, Log: filepath.Join(home, "deploy.log")})
		if err != nil {
			t.Fatal(err)
		}
		program, err := process.Build(ctx, "./examples/"+name+"/worker", bin)
		if err != nil {
			t.Fatal(err)
		}
		w, err := process.Keep(process.Command{Name: name + " worker", Path: program, Dir: home, Env: env, Log: filepath.Join(home, "worker.log")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := w.Stop(20 * time.Second); err != nil {
				t.Errorf("%v\n%s", err, process.Tail(filepath.Join(home, "worker.log")))
			}
		})
		return home
	}

	t.Run("hello", func(t *testing.T) {
		bring(t, "hello")
		out, err := client.Execute(ctx, c, hello.Hello, hello.In{Name: "Ada"}, client.StartOptions{ID: "hello-ada"})
		if err != nil || out != "Hello, Ada" {
			t.Errorf("got %q, %v", out, err)
		}
	})

	t.Run("approval", func(t *testing.T) {
		home := bring(t, "approval")
		e := approval.Expense{What: "a bicycle", Cents: 89900, By: "Ada", Approver: "Grace"}
		decided, err := client.Start(ctx, c, approval.Approve, e, client.StartOptions{ID: "bicycle"})
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Signal(ctx, c, decided.Ref(), approval.Decide, approval.Decision{Approved: true, By: "Grace"}); err != nil {
			t.Fatal(err)
		}
		out, err := decided.Result(ctx)
		if err != nil || out.State != "approved" || out.Decision.By != "Grace" {
			t.Errorf("%+v, %v", out, err)
		}
		e.ExpiresIn = 1
		out, err = client.Execute(ctx, c, approval.Approve, e, client.StartOptions{})
		if err != nil || out.State != "expired" {
			t.Errorf("%+v, %v", out, err)
		}
		progress, err := client.Query(ctx, c, decided.Ref(), approval.Progress, workflow.None{})
		if err != nil || progress.State != "approved" {
			t.Errorf("%+v, %v", progress, err)
		}
		if told, err := os.ReadFile(filepath.Join(home, "worker.log")); err != nil || len(told) == 0 {
			t.Errorf("nobody was told: %v", err)
		}
	})

	t.Run("order-saga", func(t *testing.T) {
		home := bring(t, "order-saga")
		some := map[string]ordersaga.Order{} // one for each way
		shipped := map[string]bool{}
		for _, o := range shop.Orders() {
			way := o.Card
			switch {
			case o.City == shop.Nowhere:
				way = o.City
			case shop.Fulfillable(o) && o.Card != shop.CardSlow && o.Card != shop.CardCrash:
				way = "fine"
			}
			some[way] = o
		}
		delete(some, shop.CardSilent) // takes long, and is part of the demo
		var runs []*client.Run[ordersaga.Receipt]
		var orders []ordersaga.Order
		for _, o := range some {
			run, err := client.Start(ctx, c, ordersaga.PlaceOrder, o, client.StartOptions{ID: o.ID})
			if err != nil {
				t.Fatal(err)
			}
			runs, orders = append(runs, run), append(orders, o)
		}
		for i, run := range runs {
			r, err := run.Result(ctx)
			shipped[orders[i].ID] = err == nil
			if (err == nil) != shop.Fulfillable(orders[i]) || err == nil && r.Cents != orders[i].Cents() {
				t.Errorf("%+v: %+v, %v", orders[i], r, err)
			}
			if orders[i].Card == shop.CardDeclined && !errors.Is(err, ordersaga.CardDeclined) {
				t.Errorf("%v", err)
			}
		}
		entries, err := shop.ReadEntries(filepath.Join(home, ".aion", "shop"))
		if err != nil {
			t.Fatal(err)
		}
		if b := shop.Audit(entries, orders, shipped); len(orders) != 5 || b.Balance != 0 || b.Wrong != nil {
			t.Errorf("%d orders: %+v", len(orders), b)
		}
	})
}
