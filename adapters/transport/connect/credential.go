package connect

import (
	"context"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/aionrun/aion/adapters/transport/wire"
	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
)

const (
	// warnBefore is how long before its end a worker is told that its credential ends.
	warnBefore = time.Minute
	// checkAgain is how often the credential of an open stream is checked again: one that is revoked ends the stream that long after.
	checkAgain = time.Minute
)

// credential is what a stream's right to be open stands on; guarded by the stream's lock.
type credential struct {
	principal ports.Principal
	sent      ports.Credentials
	warned    bool
	timer     ports.Timer
	done      bool // the stream is over: no timer is set any more
}

// authenticate takes a new credential of the same worker.
func (w *workerStream) authenticate(ctx context.Context, token string) error {
	c := w.sent()
	c.Authorization = "Bearer " + token
	p, err := w.s.Auth.Authenticate(ctx, c)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.Subject != w.credential.principal.Subject {
		return fault.New(fault.PermissionDenied, "the new credential is %q's, and the stream is %q's", p.Subject, w.credential.principal.Subject).
			Hinted("open a new stream to work for another subject")
	}
	if err := w.stillAllowed(p); err != nil {
		return err
	}
	w.credential.principal, w.credential.sent, w.credential.warned = p, c, false
	w.arm(ctx)
	return nil
}

func (w *workerStream) sent() ports.Credentials {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.credential.sent
}

// stillAllowed says whether p may keep the session.
func (w *workerStream) stillAllowed(p ports.Principal) error {
	if r, ok := w.session.(ports.Renewer); ok {
		return r.Renew(p)
	}
	return nil
}

// watch ends the stream with its credential, and warns before. The answer stops that.
func (w *workerStream) watch(ctx context.Context) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.credential.principal, _ = ports.PrincipalFrom(ctx)
	w.credential.sent = wire.Credentials(w.header, w.peer, w.header.Get("Host"))
	w.arm(ctx)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.credential.done = true
		if w.credential.timer != nil {
			w.credential.timer.Stop()
		}
	}
}

// arm sets the timer to what comes next: the warning, the end or the next check. With the lock held.
func (w *workerStream) arm(ctx context.Context) {
	c := &w.credential
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.done {
		return
	}
	now := w.s.Clock.Now()
	next := now.Add(checkAgain)
	if end := c.principal.Expires; !end.IsZero() {
		if warn := end.Add(-warnBefore); !c.warned && warn.Before(next) {
			next = warn
		}
		if end.Before(next) {
			next = end
		}
	}
	c.timer = w.s.Clock.AfterFunc(max(next.Sub(now), 0), func() { w.check(ctx) })
}

// check does what is due.
func (w *workerStream) check(ctx context.Context) {
	w.mu.Lock()
	c, now := w.credential, w.s.Clock.Now()
	w.mu.Unlock()
	if c.done {
		return
	}
	end := c.principal.Expires
	if !end.IsZero() && !now.Before(end) {
		w.end(fault.New(fault.Unauthenticated, "the worker's credentials have expired").Hinted("connect again, with new ones"))
		return
	}
	// Unavailable and the like mean that it cannot be checked now: the stream stays as it is.
	p, err := w.s.Auth.Authenticate(ctx, c.sent)
	if err == nil {
		err = w.stillAllowed(p)
	}
	if fault.Has(err, fault.Unauthenticated) || fault.Has(err, fault.PermissionDenied) || fault.Has(err, fault.NotFound) {
		w.end(err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !end.IsZero() && !w.credential.warned && w.credential.principal.Expires.Equal(end) && !now.Before(end.Add(-warnBefore)) {
		w.credential.warned = true
		select {
		case w.warn <- end:
		default: // an earlier one is still to be sent
		}
		w.interrupt()
	}
	w.arm(ctx)
}

// next waits for what the session has to send, or for a warning: then warning is when the credential ends, and the frame is empty.
func (w *workerStream) next(ctx context.Context) (f ports.WorkerFrame, warning time.Time, err error) {
	for {
		w.mu.Lock()
		waiting := w.waiting
		w.mu.Unlock()
		select {
		case end := <-w.warn:
			w.mu.Lock()
			w.interrupt()
			w.waiting, w.interrupt = context.WithCancel(ctx)
			w.mu.Unlock()
			return f, end, nil
		default:
		}
		f, err = w.session.Next(waiting)
		if err == nil || waiting.Err() == nil || ctx.Err() != nil {
			return f, warning, err
		}
	}
}

// sendWarning tells the worker that its credential ends.
func (w *workerStream) sendWarning(end time.Time) error {
	return w.conn.Send(&aionv1.StreamTasksResponse{CredentialExpiring: &aionv1.CredentialExpiring{ExpiresAt: timestamppb.New(end)}})
}

// WhoAmI tells the caller what it may do.
func (h operator) WhoAmI(ctx context.Context, _ *connect.Request[aionv1.WhoAmIRequest]) (*connect.Response[aionv1.WhoAmIResponse], error) {
	p, _ := ports.PrincipalFrom(ctx)
	out := &aionv1.WhoAmIResponse{
		Subject:       p.Subject,
		AuthMode:      h.s.Auth.Mode(),
		ServerVersion: h.s.Version,
		ServerTime:    wire.EncodeTime(h.s.Clock.Now()),
	}
	for _, g := range p.Grants {
		out.Grants = append(out.Grants, &aionv1.Grant{Namespaces: g.Namespaces, Role: g.Role.String()})
	}
	if !p.Expires.IsZero() {
		out.ExpiresAt = timestamppb.New(p.Expires)
	}
	return connect.NewResponse(out), nil
}
