package tap_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"go.uber.org/goleak"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/worker"
	"github.com/aionrun/aion/sdk/workflow"
	"github.com/aionrun/aion/test/evidence"
	"github.com/aionrun/aion/test/tap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tasks is how many tasks the server hands out.
const tasks = 60

// server hands out tasks one after another and acknowledges their results.
type server struct {
	mu      sync.Mutex
	results map[string]int // by token
}

func token(n int) string { return fmt.Sprint("token-", n) }

func (s *server) StreamTasks(_ context.Context, stream *connect.BidiStream[aionv1.StreamTasksRequest, aionv1.StreamTasksResponse]) error {
	if _, err := stream.Receive(); err != nil {
		return err
	}
	if err := stream.Send(&aionv1.StreamTasksResponse{Registered: &aionv1.Registered{ProtocolVersion: 1}}); err != nil {
		return err
	}
	for n := range tasks {
		t := &aionv1.Task{Token: []byte(token(n)), WorkflowId: "w", RunId: "r", ActivityId: uint32(n + 1), ActivityType: "A", Attempt: 1}
		if err := stream.Send(&aionv1.StreamTasksResponse{Tasks: []*aionv1.Task{t}}); err != nil {
			return err
		}
	}
	for {
		f, err := stream.Receive()
		if err != nil {
			return nil // the worker has gone
		}
		for _, r := range f.GetResults() {
			s.mu.Lock()
			s.results[string(r.GetToken())]++
			s.mu.Unlock()
			if err := stream.Send(&aionv1.StreamTasksResponse{Acks: [][]byte{r.GetToken()}}); err != nil {
				return err
			}
		}
	}
}

// The ledger holds what the worker did and what was acknowledged; sabotage drops or repeats every 25th.
func TestTap(t *testing.T) {
	for sabotage, want := range map[tap.Sabotage]struct{ begun, acked, results, twice int }{
		tap.None:       {begun: tasks, acked: tasks, results: tasks},
		tap.DropResult: {begun: tasks, acked: tasks, results: tasks - 2},
		tap.RunTwice:   {begun: tasks + 2, acked: tasks, results: tasks, twice: 2},
	} {
		t.Run("sabotage="+string(sabotage), func(t *testing.T) {
			s := &server{results: map[string]int{}}
			mux := http.NewServeMux()
			mux.Handle(aionv1connect.NewWorkerServiceHandler(s))
			h := httptest.NewUnstartedServer(mux)
			h.Config.Protocols = new(http.Protocols)
			h.Config.Protocols.SetUnencryptedHTTP2(true)
			h.Start()
			defer h.Close()
			file := filepath.Join(t.TempDir(), evidence.LedgerFile)
			ledger, err := evidence.OpenLog[evidence.Step](file)
			if err != nil {
				t.Fatal(err)
			}
			defer ledger.Close()
			address, stop, err := tap.Listen(strings.TrimPrefix(h.URL, "http://"), ledger, sabotage)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w := worker.New(address, worker.Options{})
			calls := make(chan struct{}, 2*tasks)
			tap.Handle(w, ledger, activity.Define[workflow.None, string]("A", activity.Options{}), func(context.Context, workflow.None) (string, error) {
				calls <- struct{}{}
				return "r", nil
			})
			ended := make(chan error)
			go func() { ended <- w.Run(ctx) }()
			for range want.begun {
				<-calls
			}
			cancel() // drains: every result is acknowledged then
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
			steps, err := evidence.ReadLog[evidence.Step](file)
			if err != nil {
				t.Fatal(err)
			}
			count := map[evidence.Phase]int{}
			for _, step := range steps {
				count[step.Phase]++
				if step.Workflow != "w" || step.PID == 0 || step.Attempt != 1 || step.Phase == evidence.End && step.Result != evidence.Digest([]byte(`"r"`)) {
					t.Errorf("%+v", step)
				}
			}
			if count[evidence.Begin] != want.begun || count[evidence.End] != want.begun || count[evidence.Acked] != want.acked {
				t.Errorf("%v, not %+v", count, want)
			}
			twice := 0
			for _, n := range s.results {
				twice += n - 1
			}
			if len(s.results) != want.results || twice != want.twice {
				t.Errorf("the server got %d results, %d of them twice, not %+v", len(s.results), twice, want)
			}
		})
	}
	if _, _, err := tap.Listen("127.0.0.1:1", nil, "x"); err == nil {
		t.Error("an unknown sabotage was accepted")
	}
}
