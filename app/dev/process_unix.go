//go:build !windows

package dev

import (
	"os"
	"syscall"
)

// askToEnd sends SIGTERM, on which a worker drains.
func askToEnd(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
