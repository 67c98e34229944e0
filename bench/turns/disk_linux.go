package turns

import "syscall"

// tmpfsMagic is how statfs(2) names a tmpfs.
const tmpfsMagic = 0x01021994

// inMemory says whether a folder's files never reach a disk.
func inMemory(dir string) bool {
	var found syscall.Statfs_t
	return syscall.Statfs(dir, &found) == nil && found.Type == tmpfsMagic
}
