package access

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/aionrun/aion/ports"
)

// RecorderOptions configure a Recorder.
type RecorderOptions struct {
	Store   ports.Store // nil = the log alone
	Log     *slog.Logger
	Clock   ports.Clock
	Keep    time.Duration // how long records stay in the store
	Rows    int64         // how many at most
	Dropped func(int)     // hears of records that did not get into the store; nil = nobody
}

const (
	recorderQueue = 8192 // records that wait for the store
	recorderBatch = 512
	// deniedPerSecond bounds what refusals may cost: whoever knocks at the door does not fill the store. Those beyond are counted in the next one.
	deniedPerSecond = 100
)

// Recorder writes audit records to the log at once, and to the store soon after: a crash may lose the last moment of the latter, never of the
// former. Record never waits. Safe for concurrent use.
type Recorder struct {
	opt  RecorderOptions
	wake chan struct{}
	done chan struct{}

	mu      sync.Mutex
	waiting []ports.AuditRecord
	closed  bool
	dropped int
	second  int64 // the one that refusals are counted in
	denials int
	unsaid  int // refusals that were only counted
}

var _ ports.Auditor = (*Recorder)(nil)

// NewRecorder starts a recorder. Close it.
func NewRecorder(o RecorderOptions) *Recorder {
	r := &Recorder{opt: o, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go r.write()
	return r
}

// Record implements ports.Auditor.
func (r *Recorder) Record(ctx context.Context, a ports.AuditRecord) {
	now := r.opt.Clock.Now()
	if a.Time.IsZero() {
		a.Time = now
	}
	r.mu.Lock()
	if a.Denied {
		if s := now.Unix(); s != r.second {
			r.second, r.denials = s, 0
		}
		if r.denials++; r.denials > deniedPerSecond {
			r.unsaid++
			r.mu.Unlock()
			return
		}
		a.Repeated, r.unsaid = a.Repeated+r.unsaid, 0
	}
	lost := r.opt.Store != nil && (r.closed || len(r.waiting) >= recorderQueue)
	if r.opt.Store != nil && !lost {
		r.waiting = append(r.waiting, a)
	}
	if lost {
		r.dropped++
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	if lost && r.opt.Dropped != nil {
		r.opt.Dropped(1)
	}
	level := slog.LevelInfo
	if a.Denied {
		level = slog.LevelWarn
	}
	r.opt.Log.LogAttrs(ctx, level, "audit", slog.String("subject", a.Subject), slog.String("peer", a.Peer), slog.String("action", a.Action),
		slog.String("namespace", string(a.Namespace)), slog.String("object", a.Object), slog.String("request_id", string(a.RequestID)),
		slog.String("outcome", a.Outcome), slog.Bool("denied", a.Denied), slog.Int("repeated", a.Repeated), slog.Bool("stored", !lost && r.opt.Store != nil))
}

// write moves records to the store, many in one transaction while it is slow.
func (r *Recorder) write() {
	defer close(r.done)
	for {
		r.mu.Lock()
		n := min(len(r.waiting), recorderBatch)
		batch, closed := r.waiting[:n:n], r.closed
		if r.waiting = r.waiting[n:]; len(r.waiting) == 0 {
			r.waiting = nil
		}
		r.mu.Unlock()
		if n == 0 {
			if closed {
				return
			}
			<-r.wake
			continue
		}
		keep := ports.AuditKeep{Rows: r.opt.Rows, From: r.opt.Clock.Now().Add(-r.opt.Keep)}
		if err := r.opt.Store.PutAudit(context.Background(), batch, keep); err != nil {
			r.mu.Lock()
			r.dropped += n
			r.mu.Unlock()
			if r.opt.Dropped != nil {
				r.opt.Dropped(n)
			}
			r.opt.Log.Error("audit records are in the log only: the store did not take them", "records", n, "error", err)
		}
	}
}

// Close waits until what was recorded is in the store. Later records go to the log alone.
func (r *Recorder) Close() {
	r.mu.Lock()
	already := r.closed
	r.closed = true
	r.mu.Unlock()
	if already {
		return
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
	<-r.done
}

// Audited reports the refusals of an authenticator.
func Audited(next ports.Authenticator, to ports.Auditor) ports.Authenticator {
	return audited{next, to}
}

type audited struct {
	ports.Authenticator
	to ports.Auditor
}

// Authenticate implements ports.Authenticator.
func (a audited) Authenticate(ctx context.Context, c ports.Credentials) (ports.Principal, error) {
	p, err := a.Authenticator.Authenticate(ctx, c)
	if err != nil {
		a.to.Record(ctx, ports.AuditRecord{Peer: c.Peer, Action: "Authenticate", Outcome: reason(err), Denied: true})
	}
	return p, err
}
