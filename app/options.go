package app

import (
	"log/slog"

	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

// Options replace parts of a server that otherwise follow from the configuration. The zero value is useful.
type Options struct {
	// Native are workflows compiled into this process. They are served beside deployed packages and win their types' routes.
	Native []workflow.Definition
	// Store is used in place of what store.backend names. The server closes it.
	Store ports.Store
	Clock ports.Clock // nil = the machine's
	IDs   ports.IDs   // nil = random ones
	Auth  ports.Authenticator

	Version string       // shown by WhoAmI and aion_build_info
	Logger  *slog.Logger // nil = silence

	// Fatal is called once when the server cannot go on safely: it no longer knows whether a commit happened [C-8], or a listener
	// broke. Nothing more is acknowledged by then; the process must end, and its restart is the recovery. nil = nothing is called.
	Fatal func(error)
}
