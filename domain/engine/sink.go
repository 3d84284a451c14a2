package engine

import (
	"github.com/aionrun/aion/domain/dispatch"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// sink is what the dispatcher tells the engine.
type sink struct{ e *Engine }

func (k sink) Result(t dispatch.Token, r ports.TaskResult, worker string, heartbeat model.Payload, done func(bool)) {
	k.e.submit(t.Chain, &resultInput{e: k.e, token: t, result: r, worker: worker, heartbeat: heartbeat, done: done})
}

func (k sink) Expired(t dispatch.Token, kind model.TimeoutKind, worker string, heartbeat model.Payload) {
	k.e.submit(t.Chain, &expiredInput{e: k.e, token: t, kind: kind, worker: worker, heartbeat: heartbeat})
}

func (k sink) Heartbeat(h ports.Heartbeat) {
	k.e.background(func() {
		if err := k.e.store.PutHeartbeat(k.e.base, h); err != nil {
			k.e.log.Warn("heartbeat details could not be stored", "run_id", h.Run, "error", err)
		}
	})
}

func (k sink) Returned(t dispatch.Token) { k.e.submit(t.Chain, &returnedInput{e: k.e, token: t}) }

func (k sink) Left(identity string) { k.e.left(identity) }

// refillPage is how many tasks of the backlog are taken at a time.
const refillPage = 500

func (k sink) Start(t dispatch.Token, worker string) {
	k.e.submit(t.Chain, &startedInput{e: k.e, token: t, worker: worker})
}

func (k sink) Claimed(t dispatch.Token) { k.e.submit(t.Chain, &claimedInput{e: k.e, token: t}) }

func (k sink) Refill(q dispatch.QueueKey, after dispatch.Cursor) {
	k.e.background(func() {
		last, more, ok := k.e.refill(q, after)
		if ok {
			k.e.dispatch.Refilled(q, last, more)
		} else if k.e.base.Err() == nil {
			k.e.opt.Clock.AfterFunc(retryPause, func() { k.e.dispatch.Refilled(q, last, true) })
		}
	})
}

// refill offers a page of the backlog of a queue, of one priority. last is the order up to which all was offered, 0 when nothing was; not ok says
// that something failed behind it.
func (e *Engine) refill(q dispatch.QueueKey, after dispatch.Cursor) (last int64, more, ok bool) {
	var tasks []ports.Task
	for from := after.First(); ; {
		var err error
		tasks, err = e.store.Tasks(e.base, q.Namespace, q.Queue, from, refillPage)
		if err != nil {
			if e.base.Err() == nil {
				e.log.Error("reading the backlog of a task queue failed; it will be tried again", "namespace", q.Namespace, "queue", q.Queue, "error", err)
			}
			return 0, true, false
		}
		if len(tasks) == 0 {
			return 0, false, true
		}
		taken := after.Below(tasks[0].Order)
		if tasks[0].Order > taken {
			break
		}
		from = taken // of this priority some were taken before
	}
	full := len(tasks) == refillPage
	for i := range tasks {
		if ports.TaskPriority(tasks[i].Order) != ports.TaskPriority(tasks[0].Order) {
			tasks, full = tasks[:i], true
			break
		}
	}
	type offered struct {
		i  int
		ok bool
	}
	answers := make(chan offered, len(tasks))
	for i, t := range tasks {
		e.submit(t.Key, &dispatchInput{task: t, done: func(ok bool) { answers <- offered{i, ok} }})
	}
	failed := len(tasks)
	for range tasks {
		if a := <-answers; !a.ok { // every input is answered, also when the engine ends
			failed = min(failed, a.i)
		}
	}
	if failed > 0 {
		last = tasks[failed-1].Order
	}
	return last, failed < len(tasks) || full, failed == len(tasks)
}
