// Package history owns the encoding of a run's events, the fold of events into state, the decisions that turn commands into
// events, and the replay check. Everything here is a pure function of its input: no I/O, no clock, no randomness.
package history
