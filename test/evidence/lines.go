package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// The files of a folder of evidence. Histories is a folder.
const (
	LedgerFile   = "ledger.jsonl"
	StartsFile   = "starts.jsonl"
	MessagesFile = "messages.jsonl"
	KillsFile    = "kills.jsonl"
	Histories    = "histories"
)

// Step is a line of the ledger: a worker did something for an attempt of an activity.
type Step struct {
	Time     time.Time `json:"time"`
	Workflow string    `json:"workflow_id"`
	Activity uint32    `json:"activity_id"`
	Attempt  uint32    `json:"attempt"`
	PID      int       `json:"pid"`
	Phase    Phase     `json:"phase"`
	Type     string    `json:"type,omitempty"`
	Result   string    `json:"result,omitempty"` // of End: the Digest of the result, "" where the attempt failed
}

// Phase says what the worker did.
type Phase string

// The phases of an attempt: its code begins, its code has returned, the server has acknowledged the result.
const (
	Begin Phase = "begin"
	End   Phase = "end"
	Acked Phase = "acked"
)

// Digest names a result by its bytes.
func Digest(result []byte) string {
	sum := sha256.Sum256(result)
	return hex.EncodeToString(sum[:8])
}

// Start says that a client asked for a workflow; Acked, that the server has said yes.
type Start struct {
	Time     time.Time `json:"time"`
	Workflow string    `json:"workflow_id"`
	Acked    bool      `json:"acked"`
}

// Message says that a client sent a signal or a cancel request; Acked, that the server has said yes.
type Message struct {
	Time     time.Time `json:"time"`
	Workflow string    `json:"workflow_id"`
	Name     string    `json:"name"`       // the signal; "" for a cancel request
	Request  string    `json:"request_id"` // by which it is found in the history
	Acked    bool      `json:"acked"`
}

// Kill says that a process was killed with SIGKILL.
type Kill struct {
	Time   time.Time `json:"time"`
	Victim Victim    `json:"victim"`
	PID    int       `json:"pid"`
}

// Victim says what kind of process was killed.
type Victim string

// The victims.
const (
	Server Victim = "server"
	Worker Victim = "worker"
)
