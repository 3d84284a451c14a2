//go:build !linux

package process

import "os/exec"

// Here programs outlive a process that is killed.
func endWithUs(*exec.Cmd) {}
