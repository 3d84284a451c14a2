package rest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/aionrun/aion/adapters/transport/wire"
	"github.com/aionrun/aion/domain/model"
)

// The headers of every answer. Outcome is completed, failed, canceled, terminated, timed_out or pending for a start, recorded for a
// signal, answered for a query, and error where the call failed. The workflow's ID is percent-encoded as in a path.
const (
	headerOutcome    = "Aion-Outcome"
	headerWorkflowID = "Aion-Workflow-Id"
	headerRunID      = "Aion-Run-Id"
	headerAsOfSeq    = "Aion-As-Of-Seq" // of a query: the last event that the answer has seen
)

func (c *call) outcome(o string) { c.w.Header().Set(headerOutcome, o) }

func (c *call) ids(id model.WorkflowID, run model.RunID) {
	c.w.Header().Set(headerWorkflowID, url.PathEscape(string(id)))
	c.w.Header().Set(headerRunID, url.PathEscape(string(run)))
}

func (c *call) asOf(seq model.Seq) {
	c.w.Header().Set(headerAsOfSeq, strconv.FormatUint(uint64(seq), 10))
}

// payload answers 200 with a value as it is. It is somebody else's content: a browser must neither guess what it is nor run it.
func (c *call) payload(p model.Payload) {
	h := c.w.Header()
	if p.ContentType != "" {
		h.Set("Content-Type", p.ContentType)
	} else if len(p.Data) > 0 {
		h.Set("Content-Type", "application/octet-stream")
	}
	h.Set("Content-Security-Policy", "sandbox")
	c.write(http.StatusOK, p.Data)
}

// message answers with a message of the contract as JSON.
func (c *call) message(status int, m proto.Message) {
	b, err := protojson.Marshal(m)
	if err != nil {
		c.refuse(err)
		return
	}
	c.json(status, json.RawMessage(b))
}

func (c *call) json(status int, v any) {
	b, err := json.Marshal(v) // which also takes out the spaces that protojson varies
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"code":"internal","message":"the answer cannot be written"}`)
	}
	c.w.Header().Set("Content-Type", model.ContentTypeJSON)
	c.write(status, append(b, '\n'))
}

func (c *call) write(status int, b []byte) {
	h := c.w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(b) // a caller that is gone misses nothing
}

// refuse answers with an error: {code, message, details: [ErrorInfo]}.
func (c *call) refuse(err error) {
	e := wire.EncodeError(err)
	if e.Code == connect.CodeInternal {
		c.Log.ErrorContext(c.r.Context(), "a call ended in an internal error", "path", c.r.URL.Path, "error", err)
	}
	h := c.w.Header()
	status := wire.HTTPStatus(e.Code)
	if h.Get("Allow") != "" {
		status = http.StatusMethodNotAllowed
	}
	if d := e.Info.GetRetryAfter().AsDuration(); d > 0 {
		h.Set("Retry-After", strconv.Itoa(int((d+time.Second-1)/time.Second)))
	}
	c.outcome("error")
	c.json(status, json.RawMessage(wire.ErrorJSON(e)))
}
