package ports

import (
	"context"
	"time"

	"github.com/aionrun/aion/domain/model"
)

// Auditor hears of every change that a caller made or tried to make, and of everything that a caller was refused. Record does not wait for
// storage, and never fails the call that it is about. Safe for concurrent use.
type Auditor interface {
	Record(ctx context.Context, r AuditRecord)
}

// AuditRecord says who did what, or was refused it.
type AuditRecord struct {
	ID        int64           // given by the store, rising; 0 before
	Time      time.Time       // UTC; the zero value is filled in by the Auditor
	Subject   string          // "" where nobody was authenticated
	Peer      string          // network address, host:port
	Action    string          // a method of ports.Service, or "Authenticate"
	Namespace model.Namespace // "" for what belongs to the whole server
	Object    string          // what it was about, in words: a workflow ID, a package, …
	RequestID model.RequestID
	Outcome   string // "ok", or the reason of the error
	Denied    bool   // the caller was refused for who it is
	Repeated  int    // how many more like it were not recorded one by one
}

// AuditQuery asks for audit records, newest first. Empty fields ask for all.
type AuditQuery struct {
	Namespace model.Namespace
	Subject   string
	Denied    bool  // only what was refused
	Before    int64 // only records with a lower ID; 0 = from the newest on
	Limit     int   // required, > 0
}

// AuditKeep says what of the audit is kept: at most Rows records, none from before From.
type AuditKeep struct {
	Rows int64
	From time.Time
}

// Audits is what transports call to read the audit. Safe for concurrent use.
type Audits interface {
	// Audit lists audit records, newest first. Errors: NotFound (namespace).
	Audit(ctx context.Context, q AuditQuery) ([]AuditRecord, error)
}
