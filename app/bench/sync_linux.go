package bench

import (
	"os"
	"syscall"
)

// dataSync makes what was written to f durable.
func dataSync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
