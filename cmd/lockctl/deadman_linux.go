package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ownProgram is this program, even if its file has been replaced since.
func ownProgram() string { return "/proc/self/exe" }

// apart keeps the terminal's signals, and whoever signals lockctl's group, away.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// watchOver is the deadman's part: it returns when lockctl, of that pid, has ended or
// when the deadline has come, and has then ended the group. A lockctl that was
// stopped between CMD's start and the telling of it does not get round the deadline.
func watchOver(lockctl int, in, out *os.File) error {
	// A timer on this clock expires in a suspended machine as soon as it wakes.
	timer, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("a timer: %w", err)
	}
	fds := []unix.PollFd{{Fd: int32(in.Fd()), Events: unix.POLLIN}, {Fd: int32(timer), Events: unix.POLLIN}}
	group, due, pause := 0, false, -1
	for {
		if _, err := unix.Poll(fds, pause); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			return fmt.Errorf("wait: %w", err)
		}
		if fds[0].Revents == 0 {
			due = true
		} else if number, err := next(in); err != nil { // lockctl has ended
			return endGroup(group, out)
		} else if number < 0 {
			group = int(-number)
		} else {
			due = false
			at := unix.ItimerSpec{Value: unix.NsecToTimespec(number)}
			if err := unix.TimerfdSettime(timer, unix.TFD_TIMER_ABSTIME, &at, nil); err != nil {
				return fmt.Errorf("set the timer: %w", err)
			}
		}
		if due && group == 0 {
			own, _ := readStat(os.Getpid())
			group = commandOf(lockctl, own.started)
		}
		switch {
		case due && group != 0:
			return endGroup(group, out)
		case due: // CMD does not run yet, and the timer has said all it can
			fds, pause = fds[:1], int(lastLook.Milliseconds())
		default:
			fds, pause = fds[:2], -1
		}
	}
}

// next reads one message.
func next(in io.Reader) (int64, error) {
	var message [8]byte
	_, err := io.ReadFull(in, message[:])
	return int64(binary.LittleEndian.Uint64(message[:])), err
}

// endGroup kills the group and what descends from its leader, and says when nobody
// was left.
func endGroup(group int, out *os.File) error {
	if group == 0 {
		return nil
	}
	t := tribe{group: group, root: group}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for giveUp := sinceBoot() + goneTime; sinceBoot() < giveUp; timer.Reset(firstLook) {
		<-timer.C
		pids := t.living()
		if len(pids) == 0 {
			_, err := out.Write(binary.LittleEndian.AppendUint64(nil, uint64(sinceBoot())))
			return err
		}
		_ = syscall.Kill(-group, syscall.SIGKILL) // fails when nobody is left
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // likewise
		}
	}
	return nil
}
