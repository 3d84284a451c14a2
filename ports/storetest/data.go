package storetest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// awkward are texts that a store may mistake for something else.
var awkward = []string{
	"2024-01-02", "2024-01-02T03:04:05Z", "2024-01-02 03:04:05", "2024-01-02 03:04:05.999999999-07:00", "2024-01-02T03:04",
	"'; DROP TABLE history; --", "'; --", `"quoted" \ and \\ back`, "`ticks`", "?", "?1", ":name", "@name", "$1", "%s_%", "NULL", "null", "true", "0", "-1", "1e3", "0x10",
	"12345678901234567890", " leading and trailing ", "tab\tand\nnewline", "ünï çödé", "日本語", "🜁🜂🜃", "e\u0301 is not é", "\u202eright to left",
	"NUL\x00inside", "\x00", "ends in NUL\x00", "\xff\xfe not UTF-8", strings.Repeat("é", 127) + "x", strings.Repeat("z", 255),
}

// [PAY-1]
func payloadBytes(t *testing.T, st ports.Store) {
	bodies := [][]byte{{}, {0}, {0, 0, 0}, bytes.Repeat([]byte{0, 0xff}, 5000)}
	for _, s := range awkward {
		bodies = append(bodies, []byte(s))
	}
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	bodies = append(bodies, every)
	s := numbered(1)
	target := numbered(2).key
	for i, body := range bodies {
		a := s.append(0)
		addRow(a, s.run.ID, a.Chain.HeadSeq, 1, body)
		a.Send = []ports.Message{{Target: target, DedupKey: fmt.Sprint(i), Bytes: body}}
		s.do(t, st, a)
	}
	s.check(t, st)
	feed := must[[]ports.HistoryRow](t)(st.Feed(t.Context(), 0, 0, 1<<20))
	msgs := must[[]ports.Message](t)(st.Inbox(t.Context(), target, 1000))
	if len(feed) != len(bodies) || len(msgs) != len(bodies) {
		t.Fatalf("%d rows in the feed and %d messages, want %d", len(feed), len(msgs), len(bodies))
	}
	for i, body := range bodies {
		equal(t, "bytes in the feed", string(feed[i].Bytes), string(body))
		equal(t, "bytes of a message", string(msgs[i].Bytes), string(body))
	}
	for i, body := range bodies {
		ctx := t.Context()
		run := model.RunID(fmt.Sprint("r", i))
		ok(t, st.PutCheckpoint(ctx, ports.Checkpoint{Run: run, Seq: 3, Version: 2, Bytes: body}))
		c, found, err := st.Checkpoint(ctx, run)
		if err != nil || !found || !bytes.Equal(c.Bytes, body) {
			t.Fatalf("checkpoint bytes %q came back as %q (%v, %v)", body, c.Bytes, found, err)
		}
		h := ports.Heartbeat{Run: run, Ordinal: 1, Attempt: 1, At: epoch0, Details: model.Payload{ContentType: "x", Data: body}}
		ok(t, st.PutHeartbeat(ctx, h))
		got, found, err := st.Heartbeat(ctx, run, 1)
		if err != nil || !found || !bytes.Equal(got.Details.Data, body) {
			t.Fatalf("heartbeat details %q came back as %q (%v, %v)", body, got.Details.Data, found, err)
		}
		p := ports.Package{Hash: model.PackageHash(run), Manifest: body, Code: body}
		ok(t, st.PutPackage(ctx, p))
		back := must[ports.Package](t)(st.Package(ctx, p.Hash))
		if !bytes.Equal(back.Manifest, body) || !bytes.Equal(back.Code, body) {
			t.Fatalf("package bytes %q came back as %q and %q", body, back.Manifest, back.Code)
		}
	}
}

// [ID-2] identifiers uses each awkward text as every identifier at once: texts that a store takes for equal show as a conflict,
// texts that it changes show as a difference.
func identifiers(t *testing.T, st ports.Store) {
	ctx := t.Context()
	var subjects []*subject
	for _, x := range awkward {
		s := newSubject(x, x, x)
		s.run.Type, s.run.TaskQueue, s.run.Package = model.WorkflowType(x), model.TaskQueue(x), model.PackageHash(x)
		s.run.Blocked, s.run.Paused, s.run.StartRequest, s.run.RequestDigest = x, true, model.RequestID(x), []byte(x)
		a := s.append(1)
		a.Chain.WakeAt = epoch0
		a.Dedup = []ports.Dedup{{ID: model.RequestID(x), Run: model.RunID(x), Digest: [32]byte{1, 0, 2}, Expires: epoch0.Add(1)}}
		a.Send = []ports.Message{{Target: s.key, DedupKey: x, Bytes: []byte(x)}}
		a.Tasks = []ports.Task{{Run: model.RunID(x), Ordinal: 1, Attempt: 1, Queue: model.TaskQueue(x)}}
		a.Counts = []ports.RunCount{{Namespace: model.Namespace(x), Type: model.WorkflowType(x), Status: model.StatusRunning, N: 1}}
		a.Pins = []ports.Pin{{Package: model.PackageHash(x), N: 1}}
		s.do(t, st, a)
		s.step(t, st, 1)
		ok(t, st.PutPackage(ctx, ports.Package{Hash: model.PackageHash(x), Name: x, DeployedAt: epoch0}))
		ok(t, st.SetRoute(ctx, ports.Route{Type: model.WorkflowType(x), Package: model.PackageHash(x), SetAt: epoch0}))
		ok(t, st.PutNamespace(ctx, ports.NamespaceRecord{Name: model.Namespace(x), Version: 1, CreatedAt: epoch0, Retention: 5}))
		ok(t, st.PutCheckpoint(ctx, ports.Checkpoint{Run: model.RunID(x), Seq: 1, Version: 1, Bytes: []byte(x)}))
		ok(t, st.PutHeartbeat(ctx, ports.Heartbeat{Run: model.RunID(x), Ordinal: 1, Attempt: 2, At: epoch0,
			Details: model.Payload{ContentType: x, Data: []byte(x), Metadata: map[string]string{x: x, "": x, x + "k": ""}}}))
		subjects = append(subjects, s)
	}
	for i, x := range awkward {
		t.Run(fmt.Sprintf("%.20q", x), func(t *testing.T) { identifier(t, st, subjects[i], x) })
	}
	equal(t, "packages", len(must[[]ports.Package](t)(st.Packages(ctx))), len(awkward))
	equal(t, "namespaces", len(must[[]ports.NamespaceRecord](t)(st.Namespaces(ctx))), len(awkward))
	due := must[[]ports.Due](t)(st.Due(ctx, 0, epoch0, nil, 1000))
	targets := must[[]model.ChainKey](t)(st.InboxTargets(ctx, 0, nil, 1000))
	equal(t, "due chains", len(due), len(awkward))
	equal(t, "targets", len(targets), len(awkward))
	for i := range targets {
		equal(t, "order of due chains and of targets", due[i].Key, targets[i])
		if i > 0 && targets[i].Namespace <= targets[i-1].Namespace {
			t.Fatalf("target %q comes after %q", targets[i].Namespace, targets[i-1].Namespace)
		}
		if next := must[[]model.ChainKey](t)(st.InboxTargets(ctx, 0, &targets[i], 1)); i+1 < len(targets) {
			equalSlices(t, "targets after one", next, targets[i+1:i+2])
		}
	}
}

func identifier(t *testing.T, st ports.Store, s *subject, x string) {
	ctx := t.Context()
	ns := model.Namespace(x)
	s.check(t, st)
	list := must[[]ports.Run](t)(st.List(ctx, ports.ListQuery{Namespace: ns, WorkflowID: s.key.WorkflowID, Type: s.run.Type, Blocked: true, Limit: 9}))
	equal(t, "runs listed", len(list), 1)
	equalRun(t, list[0], s.run)
	d, found, err := st.Dedup(ctx, s.key, model.RequestID(x), epoch0)
	if err != nil || !found {
		t.Fatalf("dedup row: %v, %v", found, err)
	}
	equal(t, "dedup row", d, ports.Dedup{Key: s.key, ID: model.RequestID(x), Run: model.RunID(x), Digest: [32]byte{1, 0, 2}, Expires: epoch0.Add(1)})
	msgs := must[[]ports.Message](t)(st.Inbox(ctx, s.key, 9))
	equal(t, "messages", len(msgs), 1)
	equal(t, "message", string(msgs[0].Bytes)+"|"+msgs[0].DedupKey+"|"+string(msgs[0].Target.WorkflowID), x+"|"+x+"|"+x)
	tasks := must[[]ports.Task](t)(st.Tasks(ctx, ns, model.TaskQueue(x), 0, 9))
	equal(t, "tasks", len(tasks), 1)
	tasks[0].Order = 0
	equal(t, "task", tasks[0], ports.Task{Key: s.key, Run: model.RunID(x), Ordinal: 1, Attempt: 1, Queue: model.TaskQueue(x)})
	equalSlices(t, "counts", must[[]ports.RunCount](t)(st.Count(ctx, ns)),
		[]ports.RunCount{{Namespace: ns, Type: model.WorkflowType(x), Status: model.StatusRunning, N: 1}})
	p := must[ports.Package](t)(st.Package(ctx, model.PackageHash(x)))
	equal(t, "package", p.Name+"|"+string(p.Hash)+"|"+fmt.Sprint(p.Pins), x+"|"+x+"|1")
	h, found, err := st.Heartbeat(ctx, model.RunID(x), 1)
	if err != nil || !found {
		t.Fatalf("heartbeat: %v, %v", found, err)
	}
	want := model.Payload{ContentType: x, Data: []byte(x), Metadata: map[string]string{x: x, "": x, x + "k": ""}}
	equal(t, "heartbeat details", fmt.Sprintf("%q", fmt.Sprint(h.Details)), fmt.Sprintf("%q", fmt.Sprint(want)))
	feed := must[[]ports.HistoryRow](t)(st.Feed(ctx, 0, s.rows[0].Pos, 1<<20))
	for _, row := range feed {
		if row.Run == s.run.ID {
			equal(t, "key in the feed", row.Key, s.key)
		}
	}
}

// times come back as the same moment to the nanosecond, in UTC, and the zero time stays zero.
func times(t *testing.T, st ports.Store) {
	ctx := t.Context()
	zone := time.FixedZone("elsewhere", 5*3600)
	for i, at := range []time.Time{{}, time.Unix(0, 0), time.Unix(0, -1), epoch0.In(zone), time.Date(1900, 1, 1, 0, 0, 0, 1, zone), time.Date(2200, 12, 31, 23, 59, 59, 999999999, time.UTC)} {
		s := numbered(i)
		s.run.StartedAt, s.run.ClosedAt = at, at
		a := s.append(1)
		a.Chain.WakeAt = at
		a.Dedup = []ports.Dedup{{ID: "d", Expires: at}}
		s.do(t, st, a)
		want := at.UTC()
		chain, run, err := st.Chain(ctx, s.key)
		ok(t, err)
		equal(t, "wake time", chain.WakeAt, want)
		equal(t, "start and close", [2]time.Time{run.StartedAt, run.ClosedAt}, [2]time.Time{want, want})
		if !at.IsZero() {
			d, found, err := st.Dedup(ctx, s.key, "d", at.Add(-1))
			if err != nil || !found {
				t.Fatalf("dedup row that expires at %v: %v, %v", at, found, err)
			}
			equal(t, "expiry", d.Expires, want)
		}
		ok(t, st.PutPackage(ctx, ports.Package{Hash: model.PackageHash(s.run.ID), DeployedAt: at}))
		equal(t, "deployed", must[ports.Package](t)(st.Package(ctx, model.PackageHash(s.run.ID))).DeployedAt, want)
		ok(t, st.PutHeartbeat(ctx, ports.Heartbeat{Run: s.run.ID, Ordinal: 1, At: at}))
		h, _, err := st.Heartbeat(ctx, s.run.ID, 1)
		ok(t, err)
		equal(t, "heartbeat", h.At, want)
	}
}
