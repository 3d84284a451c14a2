package load_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
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
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/kill/load"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every plan ends as it says beforehand, where nothing is killed.
func TestPlans(t *testing.T) {
	e, err := aion.New(aion.Options{Store: memory.New(), Runtime: native.New(load.Workflows()...), Clock: system.Clock{}, IDs: random.IDs{},
		Packages: engine.PackageOptions{Native: true}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	if err := e.Open(ctx); err != nil {
		t.Fatal(err)
	}
	var idle sync.WaitGroup
	defer e.Close()
	defer idle.Wait()
	defer stop()
	work(t, ctx, e, &idle)

	for seed := range uint64(40) {
		p := load.NewPlan(seed)
		idle.Go(func() {
			ref := ports.WorkflowRef{WorkflowID: model.WorkflowID(fmt.Sprint("load-", seed))}
			_, err := e.Start(ctx, ports.StartRequest{WorkflowID: ref.WorkflowID, Type: model.WorkflowType(load.Load.Name()), Input: encode(p), RequestID: "start"})
			if err != nil {
				t.Error(err)
				return
			}
			for n := range p.Signals {
				r := ports.SignalRequest{Ref: ref, Name: model.SignalName(load.Add.Name()), Input: encode(p.Signal(n)), RequestID: model.RequestID(fmt.Sprint("signal-", n))}
				for range 2 { // the second one is not counted
					if _, err := e.Signal(ctx, r); err != nil {
						t.Error(err)
					}
				}
			}
			if p.End == load.Cancel {
				if _, err := e.Cancel(ctx, ports.EndRequest{Ref: ref, RequestID: "cancel"}); err != nil {
					t.Error(err)
				}
			}
			out, err := e.Result(ctx, ports.ResultRequest{Ref: ref, Wait: time.Minute})
			if err != nil || out.Status.String() != p.Status() {
				t.Errorf("%+v ended %v: %+v, %v", p, out.Status, out, err)
				return
			}
			var d load.Done
			if p.End == load.Complete {
				if err := json.Unmarshal(out.Result.Data, &d); err != nil || d != p.Result() {
					t.Errorf("%+v gave %+v, not %+v, %v", p, d, p.Result(), err)
				}
			}
		})
	}
	idle.Wait()
}

func encode(v any) model.Payload {
	b, _ := json.Marshal(v)
	return model.Payload{ContentType: model.ContentTypeJSON, Data: b}
}

// work is a worker in this process.
func work(t *testing.T, ctx context.Context, e *aion.Engine, idle *sync.WaitGroup) {
	s, err := e.Register(ctx, ports.WorkerRegistration{Queues: []model.TaskQueue{"default"}, ActivityTypes: []model.ActivityType{"Work", "Undo"}, Slots: 100, Identity: "test"})
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
				go func() {
					j, _ := load.Work.DecodeInput(workflow.Payload{ContentType: task.Input.ContentType, Data: task.Input.Data})
					r := ports.TaskResult{Token: task.Token}
					if n, err := j.Do(ctx, uint32(task.Attempt)); err != nil {
						r.Failed = &model.Failure{Message: err.Error(), Retryable: true}
					} else {
						p := encode(n)
						r.Completed = &p
					}
					s.Results([]ports.TaskResult{r})
				}()
			}
		}
	}()
}
