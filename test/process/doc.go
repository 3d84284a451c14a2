// Package process runs the real programs for tests: it builds them, starts and kills them, and keeps what they print. A test that uses it
// has to stop what it starts.
package process
