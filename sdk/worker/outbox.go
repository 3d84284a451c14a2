package worker

import (
	"cmp"
	"slices"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"google.golang.org/protobuf/proto"
)

// maxFrame is about how large a frame with results may be; the server takes 8 MiB.
const maxFrame = 4 << 20

// outbox holds results until the server says that they are recorded, and heartbeats until they are sent. The worker's lock guards it.
type outbox struct {
	results map[attemptKey]*result
	byToken map[string]attemptKey
	queue   []*result // to be sent, in order
	made    uint64
	beats   map[string]*aionv1.TaskHeartbeat // the newest of each attempt, by token
}

// result is one result that is not acknowledged.
type result struct {
	key     attemptKey
	message *aionv1.TaskResult
	order   uint64
	queued  bool
}

func newOutbox() outbox {
	return outbox{results: map[attemptKey]*result{}, byToken: map[string]attemptKey{}, beats: map[string]*aionv1.TaskHeartbeat{}}
}

func (o *outbox) empty() bool { return len(o.results) == 0 }
func (o *outbox) len() int    { return len(o.results) }

// add queues a result.
func (o *outbox) add(key attemptKey, m *aionv1.TaskResult) {
	o.made++
	r := &result{key: key, message: m, order: o.made, queued: true}
	o.results[key], o.byToken[string(m.GetToken())] = r, key
	o.queue = append(o.queue, r)
}

// ack forgets the result of a token.
func (o *outbox) ack(token []byte) {
	if key, ok := o.byToken[string(token)]; ok {
		delete(o.byToken, string(token))
		delete(o.results, key)
	}
}

// again has the result of an attempt, if there is one, sent under another token: the server has handed the attempt out again.
func (o *outbox) again(key attemptKey, token []byte) bool {
	r := o.results[key]
	if r == nil {
		return false
	}
	delete(o.byToken, string(r.message.GetToken()))
	// A new message: the one before may just be on its way.
	r.message = &aionv1.TaskResult{Token: token, Outcome: r.message.GetOutcome()}
	o.byToken[string(token)] = key
	if !r.queued {
		r.queued = true
		o.queue = append(o.queue, r)
	}
	return true
}

// reset queues everything that is not acknowledged, in the order in which it was made: a new stream has begun.
func (o *outbox) reset() {
	o.queue = o.queue[:0]
	for _, r := range o.results {
		r.queued = true
		o.queue = append(o.queue, r)
	}
	slices.SortFunc(o.queue, func(a, b *result) int { return cmp.Compare(a.order, b.order) })
}

// take gives what is to be sent next: something if there is anything, about maxFrame bytes at most. Heartbeats come first: what an
// attempt last said of itself must not come after its end.
func (o *outbox) take(f *aionv1.StreamTasksRequest) {
	f.Results, f.Heartbeats = f.Results[:0], f.Heartbeats[:0]
	size := 0
	fits := func(m proto.Message) bool {
		size += proto.Size(m)
		return size <= maxFrame || len(f.Results)+len(f.Heartbeats) == 0
	}
	for token, b := range o.beats {
		if !fits(b) {
			return
		}
		f.Heartbeats = append(f.Heartbeats, b)
		delete(o.beats, token)
	}
	n := 0
	for _, r := range o.queue {
		if o.results[r.key] == r { // not acknowledged meanwhile
			if !fits(r.message) {
				break
			}
			f.Results = append(f.Results, r.message)
		}
		r.queued = false
		n++
	}
	o.queue = slices.Delete(o.queue, 0, n)
}

// tokens appends the tokens of all results.
func (o *outbox) tokens(to [][]byte) [][]byte {
	for _, r := range o.results {
		to = append(to, r.message.GetToken())
	}
	return to
}

// shrink replaces the largest result by a failure that says so: the server takes no frame that holds it. False where there is none.
func (o *outbox) shrink() bool {
	var largest *result
	for _, r := range o.results {
		if largest == nil || proto.Size(r.message) > proto.Size(largest.message) {
			largest = r
		}
	}
	if largest == nil {
		return false
	}
	largest.message = tooLarge(largest.message.GetToken(), proto.Size(largest.message))
	return true
}
