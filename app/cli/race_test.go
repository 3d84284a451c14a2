//go:build race

package cli

// raced says that these tests run under the race detector.
const raced = true
