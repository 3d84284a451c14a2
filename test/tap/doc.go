// Package tap makes a worker leave evidence: it writes what the worker's code does into the ledger, and stands between the worker and
// the server, where it sees each result acknowledged. It can also play a server that is broken on purpose.
package tap
