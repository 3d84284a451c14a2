package sqlstore

import "syscall"

// mntLocal is MNT_LOCAL of <sys/mount.h>: the data is on this machine.
const mntLocal = 0x1000

// networkFileSystem names the network file system that dir is on, "" where it is on a local one or where that cannot be told.
func networkFileSystem(dir string) string {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil || st.Flags&mntLocal != 0 {
		return ""
	}
	var name []byte
	for _, c := range st.Fstypename {
		if c == 0 {
			break
		}
		name = append(name, byte(c))
	}
	return string(name)
}
