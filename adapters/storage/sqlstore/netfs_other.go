//go:build !linux && !darwin

package sqlstore

import "strings"

// networkFileSystem knows network shares by their names only (\\server\share).
func networkFileSystem(dir string) string {
	if strings.HasPrefix(dir, `\\`) {
		return "network share"
	}
	return ""
}
