package ports

import (
	"context"
	"time"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// Namespaces is what transports call to declare namespaces and the search attributes of their runs. Safe for concurrent use.
type Namespaces interface {
	// CreateNamespace makes a namespace from Name, Description, Retention (0 = the server's default) and Attributes. Making it again just as
	// it is changes nothing. Errors: AlreadyExists, InvalidInput.
	CreateNamespace(ctx context.Context, n NamespaceRecord) (NamespaceRecord, error)
	// GetNamespace shows a namespace. Errors: NotFound.
	GetNamespace(ctx context.Context, ns model.Namespace) (NamespaceRecord, error)
	// UpdateNamespace changes what u sets, and tries the runs that were Blocked by a search attribute again. Errors: NotFound, Conflict (it has another version), InvalidInput.
	UpdateNamespace(ctx context.Context, u NamespaceUpdate) (NamespaceUpdated, error)
	// ListNamespaces lists namespaces by name.
	ListNamespaces(ctx context.Context) ([]NamespaceRecord, error)
	// DeprecateNamespace lets nothing be started in a namespace any more; its runs go on. version as in NamespaceUpdate. Errors: NotFound, Conflict.
	DeprecateNamespace(ctx context.Context, ns model.Namespace, version uint64) (NamespaceRecord, error)
}

// NamespaceUpdate says what to change; nil fields stay as they are.
type NamespaceUpdate struct {
	Name        model.Namespace
	Version     uint64 // the version that is meant; 0 = whichever
	Description *string
	Retention   *time.Duration
	Attributes  map[string]model.AttributeType // added; one that is there must have the same type
}

// NamespaceUpdated is a namespace after a change, and how many runs that a search attribute Blocked go on.
type NamespaceUpdated struct {
	Namespace NamespaceRecord
	Unblocked int
}

// NamespaceConflict is the error of a change to another version of a namespace than there is (0: there is none).
func NamespaceConflict(ns model.Namespace, meant, is uint64) error {
	return fault.New(fault.Conflict, "namespace %q was changed meanwhile: version %d was meant, and it has version %d", ns, meant, is).
		Hinted("read it again, and change what is there now")
}
