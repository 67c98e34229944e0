//go:build linux || darwin || freebsd

package cluster

import "golang.org/x/sys/unix"

// diskOf measures the file system that has dir; nil if it cannot be asked.
func diskOf(dir string) *Disk {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil {
		return nil
	}
	// The types of these fields differ between systems.
	block := uint64(fs.Bsize)
	return &Disk{Total: uint64(fs.Blocks) * block, Free: uint64(fs.Bavail) * block}
}
