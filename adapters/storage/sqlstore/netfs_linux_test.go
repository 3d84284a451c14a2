package sqlstore

import (
	"bufio"
	"strings"
	"testing"
)

// [S-6] Network file systems are told from local ones.
func TestNetworkFileSystems(t *testing.T) {
	for magic, kind := range map[uint32]string{0x6969: "NFS", 0xFF534D42: "CIFS", 0xFE534D42: "SMB2", 0x517B: "SMB", 0xEF53: "", 0x01021994: "", 0x9123683E: "", 0x58465342: "", 0x794C7630: ""} {
		if got := networkKinds[magic]; got != kind {
			t.Errorf("file system %#x is %q, want %q", magic, got, kind)
		}
	}
	const mounts = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:44 / /home/ada/remote rw,nosuid - fuse.sshfs ada@host:/srv rw
41 22 0:45 / /mnt/with\040space rw - fuse.s3fs s3fs rw
42 22 0:46 / /mnt/local rw - fuse.mergerfs a:b rw
43 42 0:47 / /mnt/local/inner rw - fuse.rclone remote: rw
44 22 0:48 / /mnt/ntfs rw - fuseblk /dev/sdb1 rw
broken line
`
	for dir, want := range map[string]string{
		"/home/ada/remote": "fuse.sshfs", "/home/ada/remote/x/y": "fuse.sshfs", "/home/ada/remotely": "", "/home/ada": "", "/mnt/with space/a": "fuse.s3fs",
		"/mnt/local/x": "", "/mnt/local/inner/x": "fuse.rclone", "/mnt/ntfs": "",
	} {
		if got := fuseKind(dir, bufio.NewScanner(strings.NewReader(mounts))); got != want {
			t.Errorf("%s is on %q, want %q", dir, got, want)
		}
	}
	if kind := networkFileSystem(t.TempDir()); kind != "" {
		t.Errorf("the test's directory is on %q", kind)
	}
}
