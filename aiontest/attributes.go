package aiontest

import (
	"context"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

// Declare makes the default namespace declare a search attribute of a type: "bool", "int", "float", "datetime", "keyword", "keyword_list" or "text".
// Runs that were Blocked by it go on.
func (env *Env) Declare(name, typ string) {
	env.t.Helper()
	t, ok := model.ParseAttributeType(typ)
	if !ok {
		env.t.Fatalf("aiontest: declare %s: there is no type %q", name, typ)
	}
	if _, err := env.Engine().UpdateNamespace(context.Background(), ports.NamespaceUpdate{Attributes: map[string]model.AttributeType{name: t}}); err != nil {
		env.t.Fatalf("aiontest: declare %s: %v", name, err)
	}
}

func encodeAttributes(values []workflow.AttributeValue) (map[string]model.Payload, error) {
	in, err := workflow.EncodeAttributes(values...)
	if in == nil {
		return nil, err
	}
	out := make(map[string]model.Payload, len(in))
	for name, p := range in {
		out[name] = model.Payload(p)
	}
	return out, nil
}
