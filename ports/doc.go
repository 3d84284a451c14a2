// Package ports holds the interfaces that the core needs (store, runtime, clock, telemetry) and offers (what a transport
// calls). Each contract stands in the doc comments; each has a conformance suite beside it.
package ports
