package dev

import (
	"os/exec"
	"syscall"
)

// endWithUs has the system end the program when the thread that started it ends.
func endWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
