package transporttest

import (
	"context"
	"sync"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// Call is one call of a Service.
type Call struct {
	Method    string // of ports.Service, e.g. "Start"
	Request   any    // the argument; of several, an Args
	Principal ports.Principal
}

// Args are the arguments of a method that has several.
type Args [2]any

// Page is what List answers.
type Page struct {
	Runs []ports.Run
	Next *ports.ListCursor
}

// Repinned is what Repin answers.
type Repinned struct {
	Run     model.RunID
	Through model.Seq
}

// Service records its calls and answers what Reply says: a value of the method's result type, or an error. Set Reply before the
// first call. Safe for concurrent use as far as Reply is.
type Service struct {
	Reply func(ctx context.Context, c Call) (any, error)

	mu    sync.Mutex
	calls []Call
}

var _ ports.Service = (*Service)(nil)

// Calls gives the calls so far.
func (s *Service) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

func ask[T any](ctx context.Context, s *Service, method string, request any) (T, error) {
	c := Call{Method: method, Request: request}
	c.Principal, _ = ports.PrincipalFrom(ctx)
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	var none T
	if s.Reply == nil {
		return none, nil
	}
	v, err := s.Reply(ctx, c)
	if err != nil || v == nil {
		return none, err
	}
	return v.(T), nil
}

// Start implements ports.Workflows.
func (s *Service) Start(ctx context.Context, r ports.StartRequest) (ports.StartResult, error) {
	return ask[ports.StartResult](ctx, s, "Start", r)
}

// Signal implements ports.Workflows.
func (s *Service) Signal(ctx context.Context, r ports.SignalRequest) (model.RunID, error) {
	return ask[model.RunID](ctx, s, "Signal", r)
}

// SignalWithStart implements ports.Workflows.
func (s *Service) SignalWithStart(ctx context.Context, r ports.SignalStartRequest) (ports.StartResult, error) {
	return ask[ports.StartResult](ctx, s, "SignalWithStart", r)
}

// Update implements ports.Workflows.
func (s *Service) Update(ctx context.Context, r ports.UpdateRequest) (ports.UpdateStatus, error) {
	return ask[ports.UpdateStatus](ctx, s, "Update", r)
}

// UpdateWithStart implements ports.Workflows.
func (s *Service) UpdateWithStart(ctx context.Context, r ports.UpdateStartRequest) (ports.UpdateStartResult, error) {
	return ask[ports.UpdateStartResult](ctx, s, "UpdateWithStart", r)
}

// GetUpdate implements ports.Workflows.
func (s *Service) GetUpdate(ctx context.Context, r ports.GetUpdateRequest) (ports.UpdateStatus, error) {
	return ask[ports.UpdateStatus](ctx, s, "GetUpdate", r)
}

// Query implements ports.Workflows.
func (s *Service) Query(ctx context.Context, r ports.QueryRequest) (ports.QueryResult, error) {
	return ask[ports.QueryResult](ctx, s, "Query", r)
}

// Cancel implements ports.Workflows.
func (s *Service) Cancel(ctx context.Context, r ports.EndRequest) (model.RunID, error) {
	return ask[model.RunID](ctx, s, "Cancel", r)
}

// Terminate implements ports.Workflows.
func (s *Service) Terminate(ctx context.Context, r ports.EndRequest) (model.RunID, error) {
	return ask[model.RunID](ctx, s, "Terminate", r)
}

// Pause implements ports.Workflows.
func (s *Service) Pause(ctx context.Context, r ports.EndRequest) (model.RunID, error) {
	return ask[model.RunID](ctx, s, "Pause", r)
}

// Resume implements ports.Workflows.
func (s *Service) Resume(ctx context.Context, r ports.EndRequest) (model.RunID, error) {
	return ask[model.RunID](ctx, s, "Resume", r)
}

// Fork implements ports.Workflows.
func (s *Service) Fork(ctx context.Context, r ports.ForkRequest) (ports.ForkResult, error) {
	return ask[ports.ForkResult](ctx, s, "Fork", r)
}

// Repin implements ports.Workflows.
func (s *Service) Repin(ctx context.Context, r ports.RepinRequest) (model.RunID, model.Seq, error) {
	v, err := ask[Repinned](ctx, s, "Repin", r)
	return v.Run, v.Through, err
}

// Describe implements ports.Workflows.
func (s *Service) Describe(ctx context.Context, r ports.WorkflowRef) (ports.Description, error) {
	return ask[ports.Description](ctx, s, "Describe", r)
}

// History implements ports.Workflows.
func (s *Service) History(ctx context.Context, r ports.HistoryRequest) (ports.HistoryResult, error) {
	return ask[ports.HistoryResult](ctx, s, "History", r)
}

// Result implements ports.Workflows.
func (s *Service) Result(ctx context.Context, r ports.ResultRequest) (ports.Outcome, error) {
	return ask[ports.Outcome](ctx, s, "Result", r)
}

// List implements ports.Workflows.
func (s *Service) List(ctx context.Context, q ports.ListQuery) ([]ports.Run, *ports.ListCursor, error) {
	v, err := ask[Page](ctx, s, "List", q)
	return v.Runs, v.Next, err
}

// Count implements ports.Workflows.
func (s *Service) Count(ctx context.Context, ns model.Namespace) ([]ports.RunCount, error) {
	return ask[[]ports.RunCount](ctx, s, "Count", ns)
}

// CompleteActivity implements ports.Activities.
func (s *Service) CompleteActivity(ctx context.Context, r ports.ActivityResult) (ports.WorkflowRef, error) {
	return ask[ports.WorkflowRef](ctx, s, "CompleteActivity", r)
}

// FailActivity implements ports.Activities.
func (s *Service) FailActivity(ctx context.Context, r ports.ActivityResult) (ports.WorkflowRef, error) {
	return ask[ports.WorkflowRef](ctx, s, "FailActivity", r)
}

// HeartbeatActivity implements ports.Activities.
func (s *Service) HeartbeatActivity(ctx context.Context, r ports.ActivityBeat) (bool, error) {
	return ask[bool](ctx, s, "HeartbeatActivity", r)
}

// Deploy implements ports.Packages.
func (s *Service) Deploy(ctx context.Context, r ports.DeployRequest) (ports.DeployResult, error) {
	return ask[ports.DeployResult](ctx, s, "Deploy", r)
}

// Verify implements ports.Packages.
func (s *Service) Verify(ctx context.Context, r ports.VerifyRequest) (ports.Verification, error) {
	return ask[ports.Verification](ctx, s, "Verify", r)
}

// Rollback implements ports.Packages.
func (s *Service) Rollback(ctx context.Context, t model.WorkflowType) (ports.SetRouteResult, error) {
	return ask[ports.SetRouteResult](ctx, s, "Rollback", t)
}

// Package implements ports.Packages.
func (s *Service) Package(ctx context.Context, hash string) (ports.PackageInfo, error) {
	return ask[ports.PackageInfo](ctx, s, "Package", hash)
}

// Packages implements ports.Packages.
func (s *Service) Packages(ctx context.Context) ([]ports.PackageInfo, error) {
	return ask[[]ports.PackageInfo](ctx, s, "Packages", nil)
}

// SetRoute implements ports.Packages.
func (s *Service) SetRoute(ctx context.Context, t model.WorkflowType, hash string) (ports.SetRouteResult, error) {
	return ask[ports.SetRouteResult](ctx, s, "SetRoute", Args{t, hash})
}

// Routes implements ports.Packages.
func (s *Service) Routes(ctx context.Context) ([]ports.Route, error) {
	return ask[[]ports.Route](ctx, s, "Routes", nil)
}

// Unload implements ports.Packages.
func (s *Service) Unload(ctx context.Context, hash string) error {
	_, err := ask[any](ctx, s, "Unload", hash)
	return err
}

// Register implements ports.Workers; Reply gives a *Session.
func (s *Service) Register(ctx context.Context, r ports.WorkerRegistration) (ports.WorkerSession, error) {
	v, err := ask[*Session](ctx, s, "Register", r)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Workers implements ports.Operator.
func (s *Service) Workers(ctx context.Context, ns model.Namespace) ([]ports.WorkerStatus, error) {
	return ask[[]ports.WorkerStatus](ctx, s, "Workers", ns)
}

// TaskQueues implements ports.Operator.
func (s *Service) TaskQueues(ctx context.Context, ns model.Namespace) ([]ports.QueueStatus, error) {
	return ask[[]ports.QueueStatus](ctx, s, "TaskQueues", ns)
}

// TaskQueue implements ports.Operator.
func (s *Service) TaskQueue(ctx context.Context, ns model.Namespace, name model.TaskQueue) (ports.QueueDescription, error) {
	return ask[ports.QueueDescription](ctx, s, "TaskQueue", Args{ns, name})
}

// SetTaskQueue implements ports.Operator.
func (s *Service) SetTaskQueue(ctx context.Context, q ports.QueueSettings) error {
	_, err := ask[any](ctx, s, "SetTaskQueue", q)
	return err
}

// Session is a worker's session that gives out the frames that it is fed, and records what comes from the worker. Safe for
// concurrent use.
type Session struct {
	info   ports.WorkerInfo
	frames chan ports.WorkerFrame
	failed chan error
	heard  chan any
	closed chan struct{}
	once   sync.Once
}

// What a Session hears, beside []ports.TaskResult.
type (
	// Beat is a heartbeat.
	Beat struct {
		Token   []byte
		Details model.Payload
	}
	// Slots is a change of slots.
	Slots int
	// Drained says that the worker drains.
	Drained struct{}
)

// NewSession makes a session.
func NewSession(info ports.WorkerInfo) *Session {
	return &Session{
		info: info, frames: make(chan ports.WorkerFrame, 1024), failed: make(chan error, 1), heard: make(chan any, 4096),
		closed: make(chan struct{}),
	}
}

// Feed gives the worker a frame.
func (s *Session) Feed(f ports.WorkerFrame) { s.frames <- f }

// Fail ends the session from the server's side, after the frames that were fed before.
func (s *Session) Fail(err error) { s.failed <- err }

// Heard gives what came from the worker, in order; empty frames are not in it.
func (s *Session) Heard() <-chan any { return s.heard }

// Closed is closed when the session is.
func (s *Session) Closed() <-chan struct{} { return s.closed }

// Info implements ports.WorkerSession.
func (s *Session) Info() ports.WorkerInfo { return s.info }

// Next implements ports.WorkerSession.
func (s *Session) Next(ctx context.Context) (ports.WorkerFrame, error) {
	select {
	case f := <-s.frames:
		return f, nil
	default:
	}
	select {
	case f := <-s.frames:
		return f, nil
	case err := <-s.failed:
		return ports.WorkerFrame{}, err
	case <-ctx.Done():
		return ports.WorkerFrame{}, ctx.Err()
	}
}

// Results implements ports.WorkerSession.
func (s *Session) Results(r []ports.TaskResult) { s.heard <- r }

// Heartbeat implements ports.WorkerSession.
func (s *Session) Heartbeat(token []byte, details model.Payload) { s.heard <- Beat{token, details} }

// Alive implements ports.WorkerSession.
func (s *Session) Alive() {}

// SetSlots implements ports.WorkerSession.
func (s *Session) SetSlots(n int) { s.heard <- Slots(n) }

// Drain implements ports.WorkerSession.
func (s *Session) Drain() { s.heard <- Drained{} }

// Close implements ports.WorkerSession.
func (s *Session) Close() { s.once.Do(func() { close(s.closed) }) }

// Subscribe implements ports.Events. The reply is the frames to deliver, an Ending where an error comes after them.
func (s *Service) Subscribe(ctx context.Context, r ports.SubscribeRequest, deliver func(ports.EventFrame) error) error {
	v, err := ask[Ending](ctx, s, "Subscribe", r)
	if err != nil {
		return err
	}
	for _, f := range v.Frames {
		if err := deliver(f); err != nil {
			return err
		}
	}
	if v.Wait {
		<-ctx.Done()
		return ctx.Err()
	}
	return v.Err
}

// Ending is a subscription: its frames and how it ends. Wait says that it goes on until the subscriber leaves.
type Ending struct {
	Frames []ports.EventFrame
	Wait   bool
	Err    error
}
