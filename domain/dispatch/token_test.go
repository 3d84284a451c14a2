package dispatch

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

func sampleToken() Token {
	return Token{Chain: model.ChainKey{Namespace: "default", WorkflowID: "order/7:a é"}, Task: TaskKey{"0198c0de-0000-7000-8000-000000000001", 3, 2}, Nonce: 1 << 60, Epoch: 9}
}

// [ACT-2] A token comes back as it was given out.
func TestTokenRoundTrip(t *testing.T) {
	id := rapid.StringMatching(`[^\p{C}]{1,80}`)
	rapid.Check(t, func(t *rapid.T) {
		want := Token{
			Chain: model.ChainKey{Namespace: model.Namespace(rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?`).Draw(t, "namespace")), WorkflowID: model.WorkflowID(id.Draw(t, "workflow"))},
			Task:  TaskKey{model.RunID(id.Draw(t, "run")), model.Ordinal(rapid.Uint32Min(1).Draw(t, "ordinal")), model.Attempt(rapid.Uint32Min(1).Draw(t, "attempt"))},
			Nonce: rapid.Uint64().Draw(t, "nonce"), Epoch: rapid.Uint64().Draw(t, "epoch"),
		}
		if len(want.Chain.WorkflowID) > 255 || len(want.Task.Run) > 255 {
			t.Skip("too long")
		}
		if got, err := ParseToken(want.Encode()); err != nil || got != want {
			t.Fatalf("%+v, %v; want %+v", got, err, want)
		}
	})
}

// Bytes that are no token are refused, each of their beginnings too.
func TestBadTokens(t *testing.T) {
	good := sampleToken().Encode()
	bad := [][]byte{nil, []byte("junk"), bytes.Repeat([]byte{1}, 2000), append(bytes.Clone(good), 0), append([]byte{2}, good[1:]...)}
	for i := range good {
		bad = append(bad, good[:i])
	}
	for _, change := range []func(*Token){
		func(t *Token) { t.Task.Ordinal = 0 }, func(t *Token) { t.Task.Attempt = 0 }, func(t *Token) { t.Chain.Namespace = "No" },
		func(t *Token) { t.Chain.WorkflowID = "" }, func(t *Token) { t.Task.Run = "a\nb" },
	} {
		x := sampleToken()
		change(&x)
		bad = append(bad, x.Encode())
	}
	for _, b := range bad {
		if tok, err := ParseToken(b); !fault.Has(err, fault.InvalidInput) {
			t.Errorf("%x: %+v, %v", b, tok, err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(sampleToken().Encode())
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if tok, err := ParseToken(b); err == nil {
			if again, err := ParseToken(tok.Encode()); err != nil || again != tok {
				t.Fatalf("%x: %+v, %v", b, again, err)
			}
		}
	})
}
