// Package wire translates between the wire contract (api/gen/aion/v1) and the types of the ports, both ways: requests, answers,
// errors and page tokens. Every transport uses it, so that all of them say the same.
//
// Encode… goes from the core to the wire, Decode… from the wire to the core. Decoders check what the core cannot see any more
// (enum numbers, durations, missing parts) and leave the rest (lengths of names, limits) to the core. Byte slices are shared
// with their source in both directions, never copied.
package wire
