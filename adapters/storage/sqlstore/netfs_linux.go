package sqlstore

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// networkKinds are the file systems whose data is on another machine, by the magic number that statfs gives.
var networkKinds = map[uint32]string{
	0x6969:     "NFS",
	0x517B:     "SMB",
	0xFF534D42: "CIFS",
	0xFE534D42: "SMB2",
	0x00C36400: "Ceph",
	0x5346414F: "AFS",
	0x6B414653: "AFS",
	0x73757245: "Coda",
	0x564C:     "NCP",
	0x0BD00BD0: "Lustre",
	0x47504653: "GPFS",
	0x7461636F: "OCFS2",
}

// fuseMagic covers local and remote file systems alike; the type in the mount table tells them apart.
const fuseMagic = 0x65735546

// remoteFuse are FUSE types whose data is on another machine.
var remoteFuse = []string{"sshfs", "s3fs", "goofys", "rclone", "gcsfuse", "blobfuse", "blobfuse2", "mountpoint-s3", "davfs", "curlftpfs", "glusterfs", "ceph", "juicefs", "smbnetfs", "cifs", "nfs"}

// networkFileSystem names the network file system that dir is on, "" where it is on a local one or where that cannot be told.
func networkFileSystem(dir string) string {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return ""
	}
	magic := uint32(st.Type) // the type's size differs between architectures
	if magic != fuseMagic {
		return networkKinds[magic]
	}
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	defer mounts.Close()
	return fuseKind(dir, bufio.NewScanner(mounts))
}

// fuseKind finds the mount that dir is on, and names it if it is a remote one.
func fuseKind(dir string, mounts *bufio.Scanner) string {
	best, kind := "", ""
	for mounts.Scan() {
		// 36 35 98:0 /root /mount/point options - type source options
		left, right, ok := strings.Cut(mounts.Text(), " - ")
		fields, types := strings.Fields(left), strings.Fields(right)
		if !ok || len(fields) < 5 || len(types) < 1 {
			continue
		}
		point := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`).Replace(fields[4])
		if rel, err := filepath.Rel(point, dir); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") && len(point) >= len(best) {
			best, kind = point, types[0]
		}
	}
	sub := strings.TrimPrefix(strings.TrimPrefix(kind, "fuse."), "fuse")
	for _, r := range remoteFuse {
		if sub == r {
			return kind
		}
	}
	return ""
}
