//go:build !linux

package app

// listenerOn cannot tell on this system.
func listenerOn(string) (pid int, name string) { return 0, "" }
