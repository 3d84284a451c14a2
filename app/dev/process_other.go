//go:build !linux

package dev

import "os/exec"

// endWithUs cannot be asked of this system.
func endWithUs(*exec.Cmd) {}
