package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// ticks is how many of the kernel's clock ticks, in which it tells times to programs, are a second; on every architecture of Linux that Go
// knows.
const ticks = 100

// usageOf asks the kernel what a process of this user has used so far.
func usageOf(pid int) (u usage, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	// The second field is the program's name in parentheses, which may hold spaces.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const user, system, resident = 11, 12, 21 // see proc(5), counted from the third field
	if len(fields) <= resident {
		return u, fmt.Errorf("/proc/%d/stat has only %d fields", pid, len(fields))
	}
	var n [3]int64
	for i, field := range []int{user, system, resident} {
		if n[i], err = strconv.ParseInt(string(fields[field]), 10, 64); err != nil {
			return u, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
	}
	return usage{cpu: float64(n[0]+n[1]) / ticks, rss: n[2] * int64(os.Getpagesize())}, nil
}

// endWithUs has the system kill the process when the thread that started it ends.
func endWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
