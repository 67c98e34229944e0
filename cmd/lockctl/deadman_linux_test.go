package main

import (
	"encoding/binary"
	"io"
	"os"
	"syscall"
	"testing"
	"time"
)

// pipe is a pipe that ends with the test.
func pipe(t *testing.T) (read, write *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = read.Close(), write.Close() })
	return read, write
}

func TestTheDeadmanEndsACommandThatItWasNeverToldOf(t *testing.T) {
	in, tell := pipe(t)
	out, say := pipe(t)
	over := make(chan error, 1)
	go func() { over <- watchOver(os.Getpid(), in, say) }()
	d := &deadman{in: tell}
	// The deadline is over before CMD is there, as if lockctl had been stopped twice.
	if err := d.until(sinceBoot() - time.Second); err != nil {
		t.Fatal(err)
	}
	c, rest := startShell(t, `trap '' TERM; sleep 600 & echo ready; wait; sleep 600`, time.Minute)
	if err := out.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var message [8]byte
	if _, err := io.ReadFull(out, message[:]); err != nil {
		t.Errorf("it does not say that it has ended CMD: %v", err)
		c.signalGroup(syscall.SIGKILL)
	} else if gone := time.Duration(binary.LittleEndian.Uint64(message[:])); gone > sinceBoot() {
		t.Errorf("CMD had gone at %v, and now is %v", gone, sinceBoot())
	}
	if code := c.wait(); code != exitSignal+int(syscall.SIGKILL) {
		t.Errorf("exit %d", code)
	}
	if _, err := io.ReadAll(rest); err != nil { // ends with the last that has the pipe
		t.Error(err)
	}
	_ = tell.Close()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

func TestTheDeadmanLeavesAloneWhatIsOlder(t *testing.T) {
	c, _ := startShell(t, `echo ready; sleep 600`, time.Minute)
	s, ok := readStat(c.pid)
	if !ok {
		t.Fatal("/proc does not tell")
	}
	if pid := commandOf(os.Getpid(), s.started); pid != c.pid {
		t.Errorf("%d is taken for CMD, not %d", pid, c.pid)
	}
	if pid := commandOf(os.Getpid(), s.started+1); pid != 0 {
		t.Errorf("%d is taken for CMD", pid)
	}
	c.signalGroup(syscall.SIGKILL)
	c.wait()
	if pid := commandOf(os.Getpid(), s.started); pid != 0 {
		t.Errorf("%d is taken for CMD, which has ended", pid)
	}
}
