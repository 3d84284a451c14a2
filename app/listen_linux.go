package app

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// listenerOn finds the process that listens on a TCP port, as far as this user may see it; pid is 0 when it is not found.
func listenerOn(port string) (pid int, name string) {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0, ""
	}
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		listeningSockets(table, fmt.Sprintf(":%04X", n), sockets)
	}
	if len(sockets) == 0 {
		return 0, ""
	}
	descriptors, _ := filepath.Glob("/proc/[0-9]*/fd/[0-9]*")
	for _, fd := range descriptors {
		if target, err := os.Readlink(fd); err != nil || !sockets[target] {
			continue
		}
		process := strings.Split(fd, "/")[2]
		if pid, err = strconv.Atoi(process); err != nil {
			continue
		}
		line, _ := os.ReadFile("/proc/" + process + "/cmdline")
		words := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
		words[0] = filepath.Base(words[0])
		return pid, strings.Join(words[:min(len(words), 3)], " ")
	}
	return 0, ""
}

// listeningSockets adds the sockets of a kernel table that listen on a port, in the form of a descriptor's link.
func listeningSockets(table, port string, into map[string]bool) {
	f, err := os.Open(table)
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …
		fields := strings.Fields(lines.Text())
		const listening = "0A"
		if len(fields) > 9 && strings.HasSuffix(fields[1], port) && fields[3] == listening {
			into["socket:["+fields[9]+"]"] = true
		}
	}
}
