// Package storetest is the conformance suite of ports.Store: every "must" of the port is a case. A store passes it with
//
//	func TestConformance(t *testing.T) { storetest.Run(t, factory) }
//
// and, when its data survives the process, with RunReopen and RunCrash too.
package storetest
