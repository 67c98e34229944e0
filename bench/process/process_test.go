package process

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestCPUTimeIsReadWhateverTheProgramIsCalled(t *testing.T) {
	const stat = "41 (a) b (c) S 1 41 41 0 -1 4194560 9 0 0 0 123 45 0 0 20 0 9 0 1 2 3"
	got, err := parseStat(stat)
	if err != nil || got != 1680*time.Millisecond {
		t.Errorf("%v, %v; want 1.68s", got, err)
	}
	for _, broken := range []string{"", "41 (a) S 1 2", "1 (a) S 1 41 41 0 -1 4194560 9 0 0 0 x 45 0", "1 (a) S 1 41 41 0 -1 4194560 9 0 0 0 1 - 0"} {
		if _, err := parseStat(broken); !errors.Is(err, errFormat) {
			t.Errorf("%q: %v", broken, err)
		}
	}
}

func TestResidentPagesAreTheSecondField(t *testing.T) {
	if got, err := parseStatm("900 33 4 5 0 6 0\n"); err != nil || got != 33 {
		t.Errorf("%v, %v; want 33", got, err)
	}
	for _, broken := range []string{"", "900", "900 x"} {
		if _, err := parseStatm(broken); !errors.Is(err, errFormat) {
			t.Errorf("%q: %v", broken, err)
		}
	}
}

func shell(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start(Command{Path: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestAProcessIsMeasuredAndStopped(t *testing.T) {
	p := shell(t, "echo started; exec sleep 60")
	if _, err := p.CPU(); err != nil {
		t.Error(err)
	}
	if bytes, err := p.Resident(); err != nil || bytes <= 0 {
		t.Errorf("resident: %d, %v", bytes, err)
	}
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	select {
	case <-p.Ended():
	default:
		t.Error("it still runs after Kill")
	}
}

func TestStoppingWhatHasEndedIsNoError(t *testing.T) {
	p := shell(t, "echo first; echo last")
	<-p.Ended()
	if err := errors.Join(p.Stop(), p.Kill()); err != nil {
		t.Error(err)
	}
	if words := p.LastWords(); !strings.HasSuffix(words, "last") {
		t.Errorf("its last words are %q", words)
	}
}

func TestWhatDoesNotExistIsNotStarted(t *testing.T) {
	_, err := Start(Command{Path: filepath.Join(t.TempDir(), "none"), Log: filepath.Join(t.TempDir(), "log")})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want one that says that it does not exist", err)
	}
}

func TestATakenPortIsFound(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := taken.Addr().(*net.TCPAddr).Port
	if err := CheckPorts(port, 1); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a taken port: %v", err)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	if err := CheckPorts(port, 1); err != nil {
		t.Errorf("a free port: %v", err)
	}
	if _, err := FreePorts(6); err != nil {
		t.Error(err)
	}
}
