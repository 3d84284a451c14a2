// Package verdict compares what was seen outside of Aion with the histories that Aion exported. It knows the wire contract and
// nothing of the engine, so that it cannot share a mistake with it.
//
// All times are of one machine's clock. That makes the rules exact: what was acknowledged at a time must be in a history that
// records it at that time or before, and what begins after its result was recorded began in vain.
package verdict
