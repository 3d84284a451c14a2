package namespace

import "github.com/aionrun/aion/domain/model"

// Missing is the answer about a namespace that does not exist. Whoever may not see one gets the very same.
func Missing(ns model.Namespace) error { return notFound(ns) }
