package hello_test

import (
	"context"
	"testing"

	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/examples/hello"
)

func TestHello(t *testing.T) {
	env := aiontest.New(t, aiontest.Options{Workflows: hello.Workflows()})
	aiontest.Handle(env, hello.Greet, func(_ context.Context, in hello.In) (string, error) { return "Hello, " + in.Name, nil })
	out, err := aiontest.Start(env, hello.Hello, hello.In{Name: "Ada"}).Result()
	if err != nil || out != "Hello, Ada" {
		t.Fatalf("got %q, %v", out, err)
	}
}
