package guest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A signalQueue buffers the signals of one name until they are received, in recorded order.
type signalQueue struct {
	items   []buffered
	waiters waitList
}

// buffered is a signal that was not received yet.
type buffered struct {
	payload Payload
	seq     uint32
}

func signalSize(p Payload) int64 { return int64(len(p.Data)) + 128 }

func (in *Instance) take(q *signalQueue) Payload {
	p := q.items[0].payload
	in.buffered -= signalSize(p)
	q.items[0] = buffered{}
	q.items = q.items[1:]
	if len(q.items) == 0 {
		q.items = nil
	}
	return p
}

func (in *Instance) signal(name string) *signalQueue {
	q := in.signals[name]
	if q == nil {
		q = &signalQueue{}
		if in.signals == nil {
			in.signals = map[string]*signalQueue{}
		}
		in.signals[name] = q
	}
	return q
}

// Receive waits for the next signal of a name; ErrCanceled when ctx is canceled first.
func Receive(ctx Context, name string) (Payload, error) {
	ctx.inst.use("receiving the signal " + name)
	q := ctx.inst.signal(name)
	for len(q.items) == 0 {
		if ctx.scope.canceled {
			return Payload{}, ErrCanceled
		}
		ctx.inst.block(ctx.scope, &q.waiters)
	}
	return ctx.inst.take(q), nil
}

// TryReceive takes the next signal of a name if there is one.
func TryReceive(ctx Context, name string) (Payload, bool) {
	ctx.inst.use("receiving the signal " + name)
	q := ctx.inst.signal(name)
	if len(q.items) == 0 {
		return Payload{}, false
	}
	return ctx.inst.take(q), true
}

// SignalSource is the next signal of a name as something that Select waits for. Select does not take the signal.
func SignalSource(ctx Context, name string) Source {
	ctx.inst.use("receiving the signal " + name)
	return Source{queue: ctx.inst.signal(name)}
}

// A QueryHandler answers queries of one name. It may only look at variables of the workflow.
type QueryHandler func(input Payload) (Payload, error)

// HandleQuery makes fn answer the queries of a name from now on.
func HandleQuery(ctx Context, name string, fn QueryHandler) {
	ctx.inst.use("handling the query " + name)
	if ctx.inst.queries == nil {
		ctx.inst.queries = map[string]QueryHandler{}
	}
	ctx.inst.queries[name] = fn
}

// QueryErrorKind says why a query has no answer. The numbers are those of the guest ABI.
type QueryErrorKind uint8

// The kinds of query errors.
const (
	QueryOK QueryErrorKind = iota
	QueryUnknown
	QueryFailed
)

// QueryResult is the answer to a query, or why there is none.
type QueryResult struct {
	Output Payload
	Kind   QueryErrorKind
	Error  string
}

// Query answers a query. A handler that waits, issues a command or panics gives QueryFailed. It may change the instance, which
// therefore must be a throw-away copy.
func (in *Instance) Query(name string, input Payload) (r QueryResult) {
	fn := in.queries[name]
	if fn == nil {
		known := "none is handled"
		if len(in.queries) > 0 {
			known = "handled are: " + strings.Join(slices.Sorted(maps.Keys(in.queries)), ", ")
		}
		return QueryResult{Kind: QueryUnknown, Error: fmt.Sprintf("the run handles no query %q; %s", name, known)}
	}
	was := in.mode
	in.mode = modeQuery
	defer func() {
		in.mode = was
		in.logs = nil
		if p := recover(); p != nil {
			r = QueryResult{Kind: QueryFailed, Error: "the query handler panicked: " + panicText(p)}
		}
	}()
	out, err := fn(input)
	if err != nil {
		return QueryResult{Kind: QueryFailed, Error: message(err)}
	}
	return QueryResult{Output: out}
}
