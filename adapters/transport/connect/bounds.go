package connect

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/api/gen/aion/v1/aionv1connect"
	"github.com/aionrun/aion/domain/fault"
)

// The bounds of what a caller may send: bytes on the wire, bytes after decompression, and time. A body that breaks one ends in an
// error that holds its ErrorInfo already, which connect passes on as it is; its own limits would say it without.

// bounds gives the options of one procedure.
func (s *server) bounds(spec connect.Spec) []connect.HandlerOption {
	if spec.StreamType == connect.StreamTypeBidi {
		// Frame by frame; the handler of the stream adds the ErrorInfo.
		return []connect.HandlerOption{connect.WithReadMaxBytes(int(s.MaxRequestBytes))}
	}
	limit, reason := s.maxBytes(spec.Procedure)
	return []connect.HandlerOption{
		connect.WithCodec(binaryCodec{}), connect.WithCodec(jsonCodec{"json"}), connect.WithCodec(jsonCodec{"json; charset=utf-8"}),
		connect.WithCompression("gzip",
			func() connect.Decompressor { return &decompressor{limit: limit, reason: reason} },
			func() connect.Compressor { return gzip.NewWriter(io.Discard) }),
	}
}

// maxBytes is how much a request to a procedure may hold, encoded as protobuf or JSON.
func (s *server) maxBytes(procedure string) (int64, fault.Reason) {
	if procedure == aionv1connect.PackageServiceDeployPackageProcedure || procedure == aionv1connect.PackageServiceVerifyPackageProcedure {
		return s.MaxArchiveBytes/3*4 + 64<<10, fault.ArchiveTooLarge // JSON has bytes as base64
	}
	return s.MaxRequestBytes, fault.PayloadTooLarge
}

func tooLarge(reason fault.Reason, limit int64) error {
	key := "server.max_request_bytes"
	if reason == fault.ArchiveTooLarge {
		key = "deploy.max_archive_bytes"
	}
	return wire.ConnectError(fault.New(reason, "the request holds more than %d bytes", limit).Hinted("send less, or raise %s", key))
}

// serveBounded serves a request whose body is bounded in bytes and must arrive in time. A stream's body is bounded frame by frame
// elsewhere, and only its first frame must arrive in time: see arrived.
func (s *server) serveBounded(h http.Handler, w http.ResponseWriter, r *http.Request) {
	limit, reason := s.maxBytes(r.URL.Path)
	within := s.RequestTimeout
	stream := r.URL.Path == aionv1connect.WorkerServiceStreamTasksProcedure
	switch {
	case stream:
		limit = 1<<63 - 1
	case reason == fault.ArchiveTooLarge:
		within *= 10
	case strings.HasPrefix(r.URL.Path, "/grpc.reflection."):
		limit, within = 1<<20, 10*within // a stream of small questions
	}
	b := &body{ReadCloser: r.Body, control: http.NewResponseController(w), left: limit, limit: limit, reason: reason, within: within}
	b.timer = time.AfterFunc(within, b.late)
	defer b.end()
	if stream || r.URL.Path == aionv1connect.EventServiceSubscribeProcedure {
		r = r.WithContext(withBody(r.Context(), b))
	}
	r.Body = b
	h.ServeHTTP(w, r)
}

// body is a request's body. Once it has arrived, how long the call takes is nobody's business here.
type body struct {
	io.ReadCloser
	left, limit int64
	reason      fault.Reason
	within      time.Duration
	timer       *time.Timer

	mu      sync.Mutex
	inTime  bool                     // it has arrived
	control *http.ResponseController // nil once the handler has returned: it must not be used then
}

// arrived ends the time limit.
func (b *body) arrived() {
	b.mu.Lock()
	b.inTime = true
	b.mu.Unlock()
	b.timer.Stop()
}

func (b *body) end() {
	b.mu.Lock()
	b.control = nil
	b.mu.Unlock()
	b.timer.Stop()
}

func (b *body) late() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.inTime && b.control != nil {
		_ = b.control.SetReadDeadline(past) // unsupported only where no network is waited for
	}
}

// stopReading makes a read that is going on, and all later ones, fail.
func (b *body) stopReading() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.control != nil {
		_ = b.control.SetReadDeadline(past)
	}
}

// stopWriting makes a write of the response that is going on, and all later ones, fail.
func (b *body) stopWriting() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.control != nil {
		_ = b.control.SetWriteDeadline(past)
	}
}

// past is a deadline that has passed.
var past = time.Unix(1, 0)

func (b *body) Read(p []byte) (int, error) {
	if b.left <= 0 {
		// Exactly the limit is allowed: only a further byte is too many.
		if n, err := b.ReadCloser.Read(make([]byte, 1)); n == 0 {
			return 0, b.ended(err)
		}
		return 0, tooLarge(b.reason, b.limit)
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, b.ended(err)
}

func (b *body) ended(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		b.arrived()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return wire.ConnectError(fault.New(fault.Unavailable, "the request did not arrive within %v", b.within).Hinted("send it again over a better connection"))
	}
	return err
}

type bodyKey struct{}

func withBody(ctx context.Context, b *body) context.Context {
	return context.WithValue(ctx, bodyKey{}, b)
}

// bodyOf gives the body of the stream that is served with ctx.
func bodyOf(ctx context.Context) *body { b, _ := ctx.Value(bodyKey{}).(*body); return b }

// decompressor is a gzip reader that stops at the limit.
type decompressor struct {
	gzip.Reader
	limit, left int64
	reason      fault.Reason
}

func (d *decompressor) Reset(r io.Reader) error {
	d.left = d.limit
	return d.Reader.Reset(r)
}

func (d *decompressor) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p)
	if d.left -= int64(n); d.left < 0 {
		return 0, tooLarge(d.reason, d.limit)
	}
	return n, err
}
