package process

import (
	"os/exec"
	"syscall"
)

// endWithUs has the system kill the program when the thread that started it ends, and so when this process does, however that ends.
func endWithUs(x *exec.Cmd) { x.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
