package ports

import (
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
)

// Check refuses a query that no store can answer: InvalidInput.
func (q *ListQuery) Check() error {
	if q.Namespace == "" {
		return fault.Invalidf("a list of runs needs a namespace")
	}
	if q.Limit <= 0 {
		return fault.Invalidf("a list of runs needs a limit above 0, not %d", q.Limit)
	}
	return nil
}

// PackagePinned is the error of removing a package that runs use.
func PackagePinned(hash model.PackageHash, pins int64) error {
	return fault.New(fault.PackagePinned, "package %s is used by %d runs that are open or inside their retention", hash, pins).
		Hinted("wait until they are gone, or move them to another package")
}

// PackageRouted is the error of removing a package that a route names.
func PackageRouted(hash model.PackageHash, typ model.WorkflowType) error {
	return fault.New(fault.PackagePinned, "new runs of %q are routed to package %s", typ, hash).
		Hinted("route the type to another package first")
}
