//go:build linux

package disk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// mount mounts, or skips the test where that is not allowed.
func mount(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
		t.Skipf("this machine does not mount (a container needs CAP_SYS_ADMIN and loop devices): mount %v: %v: %s", args, err, out)
	}
	point := args[len(args)-1]
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", point).CombinedOutput(); err != nil {
			t.Errorf("umount %s: %v: %s", point, err, out)
		}
	})
}

// smallDisk is a directory on a file system of its own, of that many MiB.
func smallDisk(t *testing.T, mebibytes int) string {
	t.Helper()
	dir := t.TempDir()
	mount(t, "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", mebibytes), "lockd-test", dir)
	return dir
}

// fill leaves no room on the directory's file system, and returns the file that
// takes it.
func fill(t *testing.T, dir string) (ballast string) {
	t.Helper()
	ballast = filepath.Join(dir, "ballast")
	file, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = file.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return ballast
}

// journaled is an ext4 file system in a file: one that turns read-only when it
// finds an error.
type journaled struct{ image, dir string }

func newJournaled(t *testing.T) *journaled {
	t.Helper()
	needs(t, "mkfs.ext4", "findmnt", "e2fsck")
	d := &journaled{image: filepath.Join(t.TempDir(), "image"), dir: t.TempDir()}
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(d.image, 48<<20); err != nil {
		t.Fatal(err)
	}
	command(t, "mkfs.ext4", "-q", "-F", d.image)
	mount(t, "-o", "loop,errors=remount-ro", d.image, d.dir)
	return d
}

// fail has the file system find an error.
func (d *journaled) fail(t *testing.T) {
	t.Helper()
	device := filepath.Base(command(t, "findmnt", "-n", "-o", "SOURCE", d.dir))
	// The write itself is refused, too: the file system is read-only by then.
	_ = os.WriteFile(filepath.Join("/sys/fs/ext4", device, "trigger_fs_error"), []byte("1"), 0o200)
	if err := os.WriteFile(filepath.Join(d.dir, "probe"), nil, 0o600); !errors.Is(err, syscall.EROFS) {
		t.Skipf("this kernel's ext4 does not turn read-only on demand: %v", err)
	}
}

// repair does what an operator does: unmount, check, mount.
func (d *journaled) repair(t *testing.T) {
	t.Helper()
	command(t, "umount", d.dir)
	// e2fsck ends with 1 when it has corrected something.
	if out, err := exec.Command("e2fsck", "-f", "-y", d.image).CombinedOutput(); err != nil {
		var ended *exec.ExitError
		if !errors.As(err, &ended) || ended.ExitCode() > 1 {
			t.Fatalf("e2fsck: %v\n%s", err, out)
		}
	}
	command(t, "mount", "-o", "loop,errors=remount-ro", d.image, d.dir)
}
