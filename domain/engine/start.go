package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/signal"
	"github.com/aionrun/aion/ports"
)

// imageVersion is the version of the recipe by which images are baked (rule D-1).
const imageVersion = 1

// Start starts a run.
func (e *Engine) Start(ctx context.Context, r ports.StartRequest) (ports.StartResult, error) {
	return e.start(ctx, r, nil)
}

// start starts a run, with a message where there is one.
func (e *Engine) start(ctx context.Context, r ports.StartRequest, with *ports.SignalRequest) (ports.StartResult, error) {
	in, err := e.newStart(ctx, &r)
	if err != nil {
		return ports.StartResult{}, err
	}
	if with != nil {
		with.Ref, with.RequestID, with.Identity = ports.WorkflowRef{Namespace: r.Namespace, WorkflowID: r.WorkflowID}, r.RequestID, r.Identity
		if err := signal.Check(*with, e.signalLimits()); err != nil {
			return ports.StartResult{}, err
		}
		in.signal, in.digest = with, signalStartDigest(in.digest, with)
		in.looked = true // as often as not the chain is there
	}
	key := model.ChainKey{Namespace: r.Namespace, WorkflowID: r.WorkflowID}
	if r.Wait > 0 {
		if in.waiter = e.waiters.add(key, "", true); in.waiter == nil {
			return ports.StartResult{}, fault.New(fault.Overloaded, "too many calls wait for results on this server").Hinted("start without waiting, and ask for the result later")
		}
		defer e.waiters.remove(in.waiter)
	}
	e.submit(key, in)
	var res ports.StartResult
	select {
	case a := <-in.ch:
		if a.err != nil {
			return ports.StartResult{}, a.err
		}
		res = a.v
	case <-ctx.Done():
		return ports.StartResult{}, fault.Wrap(fault.Unavailable, ctx.Err(), "the call was given up; the run may have been started").Hinted("repeat the call with the same request ID")
	}
	if r.Wait > 0 {
		if res.Started {
			o, err := e.await(ctx, in.waiter, r.Wait)
			if err != nil {
				return ports.StartResult{}, err
			}
			res.Outcome = &o
			return res, nil
		}
		o, err := e.resultOf(ctx, key, res.Run, true, r.Wait)
		if err != nil {
			return ports.StartResult{}, err
		}
		res.Outcome = &o
	}
	return res, nil
}

// newStart checks a start and makes its input.
func (e *Engine) newStart(ctx context.Context, r *ports.StartRequest) (*startInput, error) {
	if err := e.accepting(); err != nil {
		return nil, err
	}
	if err := e.checkStart(ctx, r); err != nil {
		return nil, err
	}
	if e.store.Stats().Pressed {
		return nil, fault.New(fault.Overloaded, "the commit queue is nearly full: new starts wait so that running workflows go on").Hinted("try again later")
	}
	pkg, err := e.packages.route(r.Type)
	if err != nil {
		return nil, err
	}
	return &startInput{answer: newAnswer[ports.StartResult](), e: e, req: *r, pkg: pkg, digest: startDigest(r)}, nil
}

func (e *Engine) checkStart(ctx context.Context, r *ports.StartRequest) error {
	if err := model.ValidateID("workflow type", string(r.Type)); err != nil {
		return err
	}
	if err := model.ValidateRequestID(r.RequestID); err != nil {
		return err
	}
	if r.TaskQueue == "" {
		r.TaskQueue = model.DefaultTaskQueue
	}
	if err := model.ValidateID("task queue", string(r.TaskQueue)); err != nil {
		return err
	}
	if err := model.ValidateQueueing(r.Priority, r.FairnessKey, r.ConcurrencyKey); err != nil {
		return err
	}
	if n := r.Input.Size(); n > e.opt.Limits.PayloadBytes {
		return tooLarge("the input", n, e.opt.Limits.PayloadBytes)
	}
	if r.RunTimeout < 0 || r.Wait < 0 {
		return fault.Invalidf("a negative time was given: wait %v, run timeout %v", r.Wait, r.RunTimeout)
	}
	if err := checkTimes(r); err != nil {
		return err
	}
	if r.Reuse > ports.ReuseReject || r.Conflict > ports.ConflictTerminateExisting {
		return fault.Invalidf("unknown workflow ID policy: reuse %d, conflict %d", r.Reuse, r.Conflict)
	}
	ns, err := e.ns.Resolve(ctx, r.Namespace, true)
	if err != nil {
		return err
	}
	if err := e.ns.Startable(ns); err != nil {
		return err
	}
	if _, err := e.attributes(ns, r.Attributes); err != nil {
		return err
	}
	r.Namespace = ns
	switch {
	case r.WorkflowID != "":
		return model.ValidateID("workflow ID", string(r.WorkflowID))
	case r.RequestID != "":
		r.WorkflowID = derivedID(ns, r.RequestID)
	default:
		r.WorkflowID = model.WorkflowID(e.opt.IDs.UUIDv7())
	}
	return nil
}

// derivedID gives a start without a workflow ID one that a retry of the same request gets again (rule M-2).
func derivedID(ns model.Namespace, id model.RequestID) model.WorkflowID {
	h := sha256.Sum256([]byte("aion start\x00" + string(ns) + "\x00" + string(id)))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // a UUID of version 8
	return model.WorkflowID(fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16]))
}

func startDigest(r *ports.StartRequest) [32]byte {
	in := r.Input.Digest()
	b := append([]byte("start\x00"+string(r.Type)+"\x00"+string(r.TaskQueue)+"\x00"), in[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.RunTimeout))
	b = appendTimes(b, r)
	for _, name := range slices.Sorted(maps.Keys(r.Attributes)) {
		value := r.Attributes[name].Digest()
		b = append(append(b, "\x00"+name+"\x00"...), value[:]...)
	}
	if r.Priority != 0 || r.FairnessKey != "" || r.ConcurrencyKey != "" {
		b = fmt.Appendf(b, "\x00%d\x00%s\x00%s", r.Priority, r.FairnessKey, r.ConcurrencyKey)
	}
	return sha256.Sum256(b)
}

// startInput starts a run.
type startInput struct {
	answer[ports.StartResult]
	e      *Engine
	req    ports.StartRequest
	pkg    model.PackageHash
	digest [32]byte
	signal *ports.SignalRequest // recorded in the run that is started or there, in the same append
	parent history.Link         // who is told of the end
	waiter *waiter
	looked bool // the optimistic creation was tried
}

func (in *startInput) fail(err error) { in.give(ports.StartResult{}, err) }

func (in *startInput) apply(s *step) {
	c := s.c
	if c.exists {
		done, err := in.existing(s)
		if err != nil {
			s.refuse(in, err)
			return
		}
		if done {
			return
		}
	}
	in.create(s)
}

// existing decides what a start means for a chain that is there; done is false when a new run begins.
func (in *startInput) existing(s *step) (done bool, err error) {
	c := s.c
	if run, ok, err := s.seen(in.req.RequestID, in.digest); err != nil {
		return false, err
	} else if ok {
		res := ports.StartResult{WorkflowID: in.req.WorkflowID, Run: run, Package: c.run.Package}
		s.after = append(s.after, func() { in.give(res, nil) })
		return true, nil
	}
	if c.run.Status.Open() {
		switch in.req.Conflict {
		case ports.ConflictUseExisting:
			if in.signal != nil {
				if err := signal.Admit(c.state, c.e.signalLimits()); err != nil {
					return false, err
				}
				s.add(signal.Event(*in.signal))
			}
			s.remember(in.req.RequestID, in.digest)
			res := ports.StartResult{WorkflowID: in.req.WorkflowID, Run: c.run.ID, Package: c.run.Package}
			s.after = append(s.after, func() { in.give(res, nil) })
			return true, nil
		case ports.ConflictTerminateExisting:
			s.add(&history.Terminated{Reason: "another run was started with this workflow ID", Identity: in.req.Identity, RequestID: in.req.RequestID})
		default:
			return false, fault.New(fault.AlreadyExists, "workflow %q is running already, as run %s", in.req.WorkflowID, c.run.ID).With("run_id", string(c.run.ID)).
				Hinted("use another workflow ID, or the conflict policy use-existing or terminate-existing")
		}
	} else if in.req.Reuse == ports.ReuseReject || in.req.Reuse == ports.ReuseAllowIfFailed && c.run.Status == model.StatusCompleted {
		return false, fault.New(fault.AlreadyExists, "workflow %q exists already: its run %s is %v", in.req.WorkflowID, c.run.ID, c.run.Status).With("run_id", string(c.run.ID)).
			Hinted("use another workflow ID, or the reuse policy allow")
	}
	// The start request of the run before is remembered on its own from now on.
	s.remember(c.run.StartRequest, [32]byte(pad32(c.run.RequestDigest)))
	return false, nil
}

func pad32(b []byte) []byte { return append(b[:len(b):len(b)], make([]byte, 32)...)[:32] }

// create makes a new run the chain's current one.
func (in *startInput) create(s *step) {
	c, r := s.c, &in.req
	run := model.RunID(c.e.opt.IDs.UUIDv7())
	seed := make([]byte, 32)
	c.e.opt.IDs.Random(seed)
	c.dropInstance()
	c.run = ports.Run{ID: run, Key: c.key, Type: r.Type, Status: model.StatusRunning, Package: in.pkg, TaskQueue: r.TaskQueue,
		StartedAt: time.Unix(0, s.now).UTC(), StartRequest: r.RequestID, RequestDigest: in.digest[:]}
	c.exists = true
	if in.waiter != nil {
		c.e.waiters.bind(in.waiter, run)
	}
	c.digest, c.saved = sha256.New(), 0
	c.attach(history.NewState())
	s.add(&history.Started{Namespace: r.Namespace, WorkflowID: r.WorkflowID, RunID: run, Type: r.Type, Input: r.Input, TaskQueue: r.TaskQueue, Package: in.pkg,
		Seed: seed, ImageVersion: imageVersion, RequestID: r.RequestID, RequestDigest: in.digest[:], RunTimeout: r.RunTimeout, Identity: r.Identity, Header: r.Header,
		Attributes: r.Attributes, Parent: in.parent, StartDelay: r.StartDelay, ExecutionTimeout: chainTime(r), Retry: r.Retry,
		Priority: r.Priority, FairnessKey: r.FairnessKey, ConcurrencyKey: r.ConcurrencyKey})
	if s.err == nil {
		s.beginAttributes(r.Attributes)
	}
	if s.err != nil {
		return
	}
	c.pushDeadlines()
	if in.signal != nil {
		s.add(signal.Event(*in.signal))
	}
	s.writeRun()
	s.counter(r.Type, model.StatusRunning, 1)
	s.append_.Pins = append(s.append_.Pins, ports.Pin{Package: in.pkg, N: 1})
	res := ports.StartResult{WorkflowID: r.WorkflowID, Run: run, Started: true, Package: in.pkg}
	// In front of what closes the run in the same step: the caller hears of the start first.
	s.after = append(s.after, func() {
		c.e.tel.RunStarted(r.Namespace, r.Type)
		in.give(res, nil)
	})
}

// await waits for the outcome of a run that has been started or looked at.
func (e *Engine) await(ctx context.Context, w *waiter, wait time.Duration) (ports.Outcome, error) {
	expired := make(chan struct{})
	t := e.opt.Clock.AfterFunc(wait, func() { close(expired) })
	defer t.Stop()
	select {
	case o := <-w.ch:
		return o, nil
	case <-expired:
	case <-ctx.Done():
		return ports.Outcome{}, fault.Wrap(fault.Unavailable, ctx.Err(), "the call was given up")
	case <-e.waiters.done:
		return ports.Outcome{}, fault.New(fault.Draining, "the server is shutting down").Hinted("ask again")
	}
	return e.standingOf(ctx, w)
}

// noRoute says that no package serves a workflow type, with the known ones, nearest first.
func noRoute(t model.WorkflowType, known []model.WorkflowType) error {
	if len(known) == 0 {
		return fault.New(fault.NoRoute, "no package has workflow type %q: no workflow package is deployed", t).Hinted("aion deploy DIR builds and deploys one")
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	sort.SliceStable(names, func(i, j int) bool { return distance(names[i], string(t)) < distance(names[j], string(t)) })
	if len(names) > 20 {
		names = names[:20]
	}
	list := strings.Join(names, ", ")
	return fault.New(fault.NoRoute, "no package has workflow type %q; known types: %s", t, list).With("known_types", list).Hinted("check the name, or deploy the package that has it")
}

// distance is the edit distance of two names, ignoring case.
func distance(a, b string) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		prev := row[0]
		row[0] = i + 1
		for j := range y {
			cost := prev
			if x[i] != y[j] {
				cost++
			}
			prev = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(y)]
}
