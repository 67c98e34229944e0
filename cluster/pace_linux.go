package cluster

import (
	"os"

	"golang.org/x/sys/unix"
)

// beginWriting has the disk write a part of the file, which is not made durable
// by that. It disturbs the log less than a sync, which writes the journal of the
// file system too.
func beginWriting(file *os.File, from, size int64) {
	_ = unix.SyncFileRange(int(file.Fd()), from, size, unix.SYNC_FILE_RANGE_WRITE)
}

// awaitWritten waits until the disk has written a part of the file.
func awaitWritten(file *os.File, from, size int64) {
	if size > 0 { // else all of the file is meant
		_ = unix.SyncFileRange(int(file.Fd()), from, size, unix.SYNC_FILE_RANGE_WAIT_BEFORE)
	}
}
