//go:build linux || darwin || freebsd

package cluster

import "golang.org/x/sys/unix"

// diskOf measures the file system that has dir, as df does: what is kept for root
// is no part of it. It returns nil if the file system cannot be asked.
func diskOf(dir string) *Disk {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil {
		return nil
	}
	// The types of these fields differ between systems.
	block := uint64(fs.Bsize)
	return &Disk{Total: (uint64(fs.Blocks-fs.Bfree) + uint64(fs.Bavail)) * block, Free: uint64(fs.Bavail) * block}
}
