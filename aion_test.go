package aion_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/clock/system"
	"github.com/aionrun/aion/adapters/ids/random"
	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/domain/engine"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type in struct {
	Name string `json:"name"`
}

var greet = activity.Define[in, string]("Greet", activity.Options{StartToClose: 5 * time.Second})

var hello = workflow.Define("Hello", func(ctx workflow.Context, in in) (string, error) { return greet.Execute(ctx, in) })

func TestHello(t *testing.T) {
	e, err := aion.New(aion.Options{Store: memory.New(), Runtime: native.New(hello), Clock: system.Clock{}, IDs: random.IDs{},
		Packages: engine.PackageOptions{Native: true}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := e.Open(ctx); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	s, err := e.Register(ctx, ports.WorkerRegistration{Queues: []model.TaskQueue{"default"}, ActivityTypes: []model.ActivityType{"Greet"}, Slots: 4, Identity: "test"})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			f, err := s.Next(ctx)
			if err != nil {
				return
			}
			for _, task := range f.Tasks {
				i, _ := greet.DecodeInput(workflow.Payload{ContentType: task.Input.ContentType, Data: task.Input.Data})
				out, _ := greet.EncodeResult("Hello, " + i.Name)
				s.Results([]ports.TaskResult{{Token: task.Token, Completed: &model.Payload{ContentType: out.ContentType, Data: out.Data}}})
			}
		}
	}()
	res, err := e.Start(context.Background(), ports.StartRequest{Type: "Hello", Input: model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(`{"name":"Ada"}`)}, Wait: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if res.Outcome.Status != model.StatusCompleted || string(res.Outcome.Result.Data) != `"Hello, Ada"` {
		t.Fatalf("outcome %+v", res.Outcome)
	}
}
