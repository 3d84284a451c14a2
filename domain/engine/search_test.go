package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

func listed(t *testing.T, env *aiontest.Env, q ports.ListQuery) (ids []string) {
	t.Helper()
	for {
		runs, next, err := env.Engine().List(ctx, q)
		if err != nil {
			t.Fatalf("%s: %v", q.Filter, err)
		}
		for _, r := range runs {
			ids = append(ids, string(r.Key.WorkflowID))
		}
		if q.After = next; next == nil {
			return ids
		}
	}
}

// [SRCH-4] [SRCH-5] Runs are found by a filter as soon as the call that changed them returns, in its order, page by page, and counted; the other
// fields of a list narrow it further.
func TestListByFilter(t *testing.T) {
	env := aiontest.New(t, defs(attributed, listen))
	declare(env, "customer", "amount", "tags")
	for i := range 6 {
		aiontest.StartWith(env, listen, 1, aiontest.StartOptions{ID: fmt.Sprint("w", i), SearchAttributes: []workflow.AttributeValue{customer.Is([]string{"a", "b"}[i%2]), amount.Is(i / 2)}})
		env.Advance(time.Minute)
	}
	for _, limit := range []int{1, 4, 100} {
		for _, c := range []struct {
			q    ports.ListQuery
			want string
		}{
			{ports.ListQuery{Filter: "customer = 'a'"}, "w4 w2 w0"},
			{ports.ListQuery{Filter: "customer = 'a' order by started_at"}, "w0 w2 w4"},
			{ports.ListQuery{Filter: "order by amount desc"}, "w5 w4 w3 w2 w1 w0"},
			{ports.ListQuery{Filter: "amount >= 1 and status = 'Running' order by amount"}, "w2 w3 w4 w5"},
			{ports.ListQuery{Filter: "customer = 'b'", WorkflowID: "w3"}, "w3"},
			{ports.ListQuery{Filter: "customer = 'b'", Status: model.StatusFailed}, ""},
			{ports.ListQuery{Filter: "customer = 'b'", Type: "Listen"}, "w5 w3 w1"},
			{ports.ListQuery{Filter: "customer = 'b'", Paused: true}, ""},
			{ports.ListQuery{Filter: "status in ('Blocked')", Blocked: true}, ""},
			{ports.ListQuery{Filter: "started_at >= now() - 2m30s"}, "w5 w4"},
		} {
			c.q.Limit = limit
			if got := strings.Join(listed(t, env, c.q), " "); got != c.want {
				t.Errorf("%+v gives %s, want %s", c.q, got, c.want)
			}
		}
	}
	if _, err := env.Engine().Terminate(ctx, ports.EndRequest{Ref: ports.WorkflowRef{WorkflowID: "w1"}}); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, env, ports.ListQuery{Filter: "status = 'Terminated' and customer = 'b'"}); !slices.Equal(got, []string{"w1"}) {
		t.Errorf("right after its end: %v", got)
	}
	for f, want := range map[string]int64{"": 6, "status = 'Running'": 5, "workflow_type = 'Listen' and status != 'Running'": 1, "customer = 'a'": 3, "customer = 'a' and amount = 1": 1, "workflow_id starts_with 'w'": 6} {
		n, err := env.Engine().CountMatching(ctx, ports.CountQuery{Filter: f})
		if err != nil || n.N != want || n.AtLeast {
			t.Errorf("%q counts %+v, %v; want %d", f, n, err, want)
		}
	}
	if n, err := env.Engine().CountMatching(ctx, ports.CountQuery{Filter: "customer = 'b'", Status: model.StatusTerminated, Type: "Listen"}); err != nil || n.N != 1 {
		t.Errorf("%+v, %v", n, err)
	}
	for _, bad := range []string{"custom = 'a'", "customer = 1", "customer"} {
		if _, _, err := env.Engine().List(ctx, ports.ListQuery{Filter: bad}); !fault.Has(err, fault.InvalidInput) {
			t.Errorf("%s: %v", bad, err)
		}
		if _, err := env.Engine().CountMatching(ctx, ports.CountQuery{Filter: bad}); !fault.Has(err, fault.InvalidInput) {
			t.Errorf("count of %s: %v", bad, err)
		}
	}
}

// [SRCH-4] now() means the same on every page of a list.
func TestNowOfAList(t *testing.T) {
	env := aiontest.New(t, defs(listen))
	for i := range 4 {
		aiontest.StartWith(env, listen, 1, aiontest.StartOptions{ID: fmt.Sprint("w", i)})
		env.Advance(time.Minute)
	}
	q := ports.ListQuery{Filter: "started_at > now() - 3m30s", Limit: 1}
	var got []string
	for {
		runs, next, err := env.Engine().List(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range runs {
			got = append(got, string(r.Key.WorkflowID))
		}
		env.Advance(time.Hour) // by a new now() nothing would be left
		if q.After = next; next == nil {
			break
		}
	}
	if !slices.Equal(got, []string{"w3", "w2", "w1"}) {
		t.Error(got)
	}
}
