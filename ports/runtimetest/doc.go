// Package runtimetest is the conformance suite of ports.Runtime: every "must" of the port is a case. A runtime passes it with
//
//	func TestConformance(t *testing.T) { runtimetest.Run(t, runtimetest.Harness{…}) }
//
// The suite drives programs whose workflows do what ports/runtimetest/workflows describes; the harness says how to get one.
package runtimetest
