// Package aion is the workflow engine with explicit parts, for programs that embed it. It imports no adapter: give it a store, a
// runtime, a clock and IDs, for example adapters/storage/memory, adapters/runtime/native, adapters/clock/system and adapters/ids/random.
package aion

import (
	"github.com/aionrun/aion/domain/engine"
)

// Options are the engine's parts and bounds. Store, Runtime, Clock and IDs are required.
type Options = engine.Options

// Limits bound what a run and its code may use.
type Limits = engine.Limits

// Engine runs workflows. It implements ports.Service; Open begins, Drain and Close end. Safe for concurrent use.
type Engine = engine.Engine

// New makes an engine. Nothing runs before its Open.
func New(o Options) (*Engine, error) { return engine.New(o) }
