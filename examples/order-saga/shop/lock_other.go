//go:build !unix

package shop

import "os"

// Without file locks the journal serves one process at a time.
func lock(*os.File) error { return nil }

func unlock(*os.File) {}
