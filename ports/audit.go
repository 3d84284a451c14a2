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
