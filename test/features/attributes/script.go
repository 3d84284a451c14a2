//go:build !wasip1

package attributes

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/features/feature"
)

// Feature is what happens: a run starts with an attribute, sets others, removes one at its end.
var Feature = feature.Feature{Script: func(f *feature.F) {
	for name, typ := range map[string]string{"customer": "keyword", "amount": "int", "due": "datetime", "tags": "keyword_list"} {
		f.Env.Declare(name, typ)
	}
	r := aiontest.StartWith(f.Env, code, 7, aiontest.StartOptions{ID: feature.ID, SearchAttributes: []workflow.AttributeValue{customer.Is("Acme")}})
	has(f, `amount=7 customer="Acme" due="2030-01-01T01:00:00Z" tags=["new","paid"]`)
	f.Env.Restart()
	f.Env.Advance(2 * time.Hour)
	feature.Result(f, r, "done")
	has(f, `amount=7 due="2030-01-01T01:00:00Z" tags=["done"]`)
}}

func has(f *feature.F, want string) {
	f.Env.Wait()
	d, err := f.Env.Engine().Describe(context.Background(), ports.WorkflowRef{WorkflowID: model.WorkflowID(feature.ID)})
	f.OK(err)
	var got []string
	for _, a := range d.Run.Attributes {
		got = append(got, fmt.Sprintf("%s=%s", a.Name, a.Value.Payload().Data))
	}
	if s := strings.Join(got, " "); s != want {
		f.OK(fmt.Errorf("the run has %s, want %s", s, want))
	}
}
