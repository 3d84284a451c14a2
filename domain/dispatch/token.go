package dispatch

import (
	"encoding/binary"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// TaskKey names one attempt of one activity.
type TaskKey struct {
	Run     model.RunID
	Ordinal model.Ordinal
	Attempt model.Attempt
}

// Token is what a worker holds for a task (rule A-2). The nonce tells hand-outs of the same attempt apart; a result counts
// whichever nonce it carries, as long as its attempt is the current one.
type Token struct {
	Chain model.ChainKey
	Task  TaskKey
	Nonce uint64
	Epoch uint64
}

const tokenVersion = 1

// Encode writes the token; workers pass it back as it is.
func (t Token) Encode() []byte {
	b := make([]byte, 0, 48+len(t.Chain.Namespace)+len(t.Chain.WorkflowID)+len(t.Task.Run))
	b = append(b, tokenVersion)
	b = binary.LittleEndian.AppendUint64(b, t.Nonce)
	b = binary.AppendUvarint(b, t.Epoch)
	b = binary.AppendUvarint(b, uint64(t.Task.Ordinal))
	b = binary.AppendUvarint(b, uint64(t.Task.Attempt))
	for _, s := range []string{string(t.Task.Run), string(t.Chain.Namespace), string(t.Chain.WorkflowID)} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

// ParseToken reads a token. Errors: InvalidInput for bytes that are none.
func ParseToken(b []byte) (Token, error) {
	bad := func() (Token, error) {
		return Token{}, fault.Invalidf("the task token is not one of this server's: pass back the token of the task as it came")
	}
	var t Token
	if len(b) < 9 || len(b) > 1024 || b[0] != tokenVersion {
		return bad()
	}
	t.Nonce = binary.LittleEndian.Uint64(b[1:])
	b = b[9:]
	var n [3]uint64
	for i := range n {
		v, k := binary.Uvarint(b)
		if k <= 0 {
			return bad()
		}
		n[i], b = v, b[k:]
	}
	var s [3]string
	for i := range s {
		l, k := binary.Uvarint(b)
		if k <= 0 || l > uint64(len(b)-k) {
			return bad()
		}
		s[i], b = string(b[k:k+int(l)]), b[k+int(l):]
	}
	if len(b) != 0 || n[1] == 0 || n[1] > 1<<32-1 || n[2] == 0 || n[2] > 1<<32-1 {
		return bad()
	}
	t.Epoch = n[0]
	t.Task = TaskKey{model.RunID(s[0]), model.Ordinal(n[1]), model.Attempt(n[2])}
	t.Chain = model.ChainKey{Namespace: model.Namespace(s[1]), WorkflowID: model.WorkflowID(s[2])}
	if model.ValidateNamespace(t.Chain.Namespace) != nil || model.ValidateID("workflow ID", s[2]) != nil || model.ValidateID("run ID", s[0]) != nil {
		return bad()
	}
	return t, nil
}
