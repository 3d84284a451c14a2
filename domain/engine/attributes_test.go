package engine_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

var (
	customer = workflow.DefineSearchAttribute[string]("customer")
	amount   = workflow.DefineSearchAttribute[int]("amount")
	tags     = workflow.DefineSearchAttribute[[]string]("tags")

	// attributed sets a customer at each signal, and the tags at its end.
	attributed = workflow.Define("Attributed", func(ctx workflow.Context, n int) (string, error) {
		if err := workflow.UpsertSearchAttributes(ctx, amount.Is(n)); err != nil {
			return "", err
		}
		for range n {
			s, err := note.Receive(ctx)
			if err != nil {
				return "", err
			}
			set := customer.Is(s)
			if s == "" {
				set = customer.Unset()
			}
			if err := workflow.UpsertSearchAttributes(ctx, set); err != nil {
				return "", err
			}
		}
		return "done", workflow.UpsertSearchAttributes(ctx, tags.Is([]string{"z", "a", "z"}), amount.Is(n))
	})
)

func declare(env *aiontest.Env, names ...string) {
	for _, n := range names {
		env.Declare(n, map[string]string{"customer": "keyword", "amount": "int", "tags": "keyword_list"}[n])
	}
}

func attributesOf(t *testing.T, env *aiontest.Env, r ports.WorkflowRef) string {
	t.Helper()
	env.Wait()
	d, err := env.Engine().Describe(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range d.Run.Attributes {
		out = append(out, a.Name+"="+string(a.Value.Payload().Data))
	}
	return strings.Join(out, " ")
}

// [SRCH-1] Search attributes set at start and by the code are those of the run's row from the step on that records them, over restarts and parking.
func TestSearchAttributes(t *testing.T) {
	for _, resident := range []int64{0, 1} {
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{attributed, listen}, Configure: func(o *aion.Options) { o.ResidentBytes = resident }})
		declare(env, "customer", "amount", "tags")
		run := aiontest.StartWith(env, attributed, 4, aiontest.StartOptions{SearchAttributes: []workflow.AttributeValue{customer.Is("first"), tags.Is([]string{"x"})}})
		r := ports.WorkflowRef{WorkflowID: model.WorkflowID(run.ID())}
		for i, c := range []struct{ signal, want string }{
			{"-", `amount=4 customer="first" tags=["x"]`},
			{"second", `amount=4 customer="second" tags=["x"]`},
			{"second", `amount=4 customer="second" tags=["x"]`},
			{"", `amount=4 tags=["x"]`},
			{"last", `amount=4 customer="last" tags=["a","z"]`},
		} {
			if c.signal != "-" {
				if err := signal(env, r, c.signal, ""); err != nil {
					t.Fatal(err)
				}
			}
			if got := attributesOf(t, env, r); got != c.want {
				t.Errorf("step %d: %s, want %s", i, got, c.want)
			}
			env.Restart()
			if got := attributesOf(t, env, r); got != c.want {
				t.Errorf("step %d after a restart: %s, want %s", i, got, c.want)
			}
		}
		if out, err := run.Result(); out != "done" || err != nil {
			t.Error(out, err)
		}
		plain := start(t, env, request(listen, 1))
		if got := attributesOf(t, env, ref(plain)); got != "" {
			t.Errorf("a run without attributes has %s", got)
		}
	}
}

// [SRCH-2] At the door an attribute that is not declared, or of another type, is refused with a message that says what is declared.
func TestSearchAttributesAtTheDoor(t *testing.T) {
	env := aiontest.New(t, defs(listen))
	declare(env, "customer", "amount")
	many := map[string]model.Payload{}
	for i := range 100 {
		many[fmt.Sprint("a", i)] = payload(i)
	}
	for name, c := range map[string]struct {
		given map[string]model.Payload
		says  string
	}{
		"undeclared": {map[string]model.Payload{"custmer": payload("a")}, `namespace "default" does not declare the search attribute "custmer"; it declares customer, amount`},
		"type":       {map[string]model.Payload{"customer": payload(7)}, `search attribute "customer" is declared as keyword, and 7 is not one`},
		"fraction":   {map[string]model.Payload{"amount": payload(1.5)}, `declared as int, and 1.5 is not one`},
		"too long":   {map[string]model.Payload{"customer": payload(strings.Repeat("x", 300))}, "at most 255 are allowed"},
		"no JSON":    {map[string]model.Payload{"customer": {ContentType: "text/plain", Data: []byte("a")}}, "must be application/json"},
		"too many":   {many, "at most 64"},
	} {
		r := request(listen, 1)
		r.Attributes = c.given
		_, err := env.Engine().Start(ctx, r)
		if !fault.Has(err, fault.InvalidInput) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	// The same request with other attributes is another request.
	r := request(listen, 1)
	r.RequestID, r.Attributes = "again", map[string]model.Payload{"customer": payload("a")}
	first := start(t, env, r)
	if second := start(t, env, r); second.Run != first.Run || second.Started {
		t.Errorf("a retry gave %+v after %+v", second, first)
	}
	r.Attributes = map[string]model.Payload{"customer": payload("b")}
	if _, err := env.Engine().Start(ctx, r); !fault.Has(err, fault.RequestIDReused) {
		t.Errorf("other attributes: %v", err)
	}
}

// [SRCH-3] Code that sets what is not declared is Blocked, with nothing of its step recorded, and goes on by itself when it is declared.
func TestUndeclaredBlocks(t *testing.T) {
	env := aiontest.New(t, defs(attributed))
	r := ref(start(t, env, request(attributed, 1)))
	blocked := func(what string) {
		t.Helper()
		if o := standing(t, env, r); o.Blocked == nil || o.Blocked.What != "search_attribute" || !strings.Contains(o.Blocked.Message, what) {
			t.Fatalf("stands as %+v, %+v", o, o.Blocked)
		}
	}
	blocked(`does not declare the search attribute "amount"`)
	env.Restart()
	blocked("aion namespace update default --attribute amount=TYPE declares it")
	env.Declare("amount", "int")
	env.Wait()
	if got := attributesOf(t, env, r); got != "amount=1" {
		t.Fatal(got)
	}
	if err := signal(env, r, "x", ""); err != nil {
		t.Fatal(err)
	}
	blocked(`"customer"`)
	env.Declare("customer", "int") // the wrong type: it stays blocked, and says so
	blocked(`declared as int, and "x" is not one`)
}

// [C-1] A failing store loses no attribute and invents none: the step is made again from what is stored.
func TestSearchAttributesOverFailures(t *testing.T) {
	env, st := withFaults(t, nil, attributed)
	declare(env, "customer", "amount", "tags")
	r := ref(start(t, env, request(attributed, 3)))
	env.Wait()
	for i := range 3 {
		before := attributesOf(t, env, r)
		st.set(times(1, unavailable), nil)
		if err := signal(env, r, fmt.Sprint("c", i), ""); err == nil {
			t.Fatal("the signal was taken although the store failed")
		}
		if got := attributesOf(t, env, r); got != before {
			t.Fatalf("after a failure %s, before %s", got, before)
		}
		if err := signal(env, r, fmt.Sprint("c", i), ""); err != nil {
			t.Fatal(err)
		}
		if got := attributesOf(t, env, r); !strings.Contains(got, fmt.Sprintf(`customer="c%d"`, i)) {
			t.Fatal(got)
		}
	}
}

// attributeRows remembers what appends write.
type attributeRows struct {
	ports.Store
	rows [][]ports.AttributeRow
}

func (c *attributeRows) Append(ctx context.Context, a *ports.Append) (ports.AppendResult, error) {
	c.rows = append(c.rows, a.Attributes)
	return c.Store.Append(ctx, a)
}

// [V-1] Index entries are written only where a value is set or changes: a run without attributes writes none.
func TestAttributeRows(t *testing.T) {
	st := &attributeRows{Store: memory.New()}
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{attributed, works}, Configure: func(o *aion.Options) { o.Store = st }})
	declare(env, "customer", "amount", "tags")
	r := ref(start(t, env, request(attributed, 3)))
	env.Wait()
	for _, s := range []string{"a", "a", ""} {
		if err := signal(env, r, s, ""); err != nil {
			t.Fatal(err)
		}
		env.Wait()
	}
	var got []string
	for _, rows := range st.rows {
		var names []string
		for _, row := range rows {
			names = append(names, row.Name)
		}
		got = append(got, strings.Join(names, ","))
	}
	if want := []string{"amount", "customer", "", "customer,tags"}; !reflect.DeepEqual(got, want) {
		t.Errorf("appends wrote %q, want %q", got, want)
	}
}
