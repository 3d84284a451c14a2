package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
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

// busyCPU gives the seconds of CPU that all programs of the machine have used so far.
func busyCPU() (float64, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := bytes.Cut(stat, []byte{'\n'})
	fields := bytes.Fields(line)
	const user, nice, system, interrupts, soft, steal = 1, 2, 3, 6, 7, 8 // see proc(5)
	if len(fields) <= steal {
		return 0, fmt.Errorf("/proc/stat has only %d fields in its first line", len(fields))
	}
	var sum int64
	for _, field := range []int{user, nice, system, interrupts, soft, steal} {
		n, err := strconv.ParseInt(string(fields[field]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		sum += n
	}
	return float64(sum) / ticks, nil
}

// look asks the kernel what machine this is.
func (m *Machine) look() {
	m.CPU = procField("/proc/cpuinfo", "model name")
	if kb, err := strconv.ParseInt(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		m.Memory = kb << 10
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(b))
	}
}

// procField gives what a file of the kernel says behind the first "name:"; nothing where it says nothing.
func procField(file, name string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
