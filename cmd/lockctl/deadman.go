package main

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/urfave/cli/v2"
)

// A deadman is a process beside lockctl which ends CMD and all it started if
// lockctl itself cannot: because it was killed, or because it is stopped and the
// lease runs out. It is told by messages of 8 bytes, the lowest first: as often as
// it changes, and once before CMD runs, the time on the clock sinceBoot by which
// KILL must come, noDeadline being none; and CMD's process group, below zero.
type deadman struct {
	cmd *exec.Cmd
	// in takes messages; out says when the deadman saw the last of the group end.
	in, out *os.File
	told    time.Duration
}

const noDeadline = time.Duration(0)

// startDeadman starts the process early: it takes as long to start as the cluster
// to grant a lock. Nil without error is a system that has none.
func startDeadman() (*deadman, error) {
	program := ownProgram()
	if program == "" {
		return nil, nil
	}
	in, tell, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, say, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, tell.Close())
	}
	defer say.Close()
	cmd := &exec.Cmd{Path: program, Args: []string{"lockctl", "deadman"}, Env: []string{}, Stdin: in, Stdout: say, SysProcAttr: apart()}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, tell.Close(), out.Close())
	}
	return &deadman{cmd: cmd, in: tell, out: out}, nil
}

// pid is no process's if there is no deadman.
func (d *deadman) pid() int {
	if d == nil {
		return 0
	}
	return d.cmd.Process.Pid
}

// watch gives CMD's group into the deadman's care.
func (d *deadman) watch(group int) error { return d.tell(-int64(group)) }

// until moves the deadline.
func (d *deadman) until(deadline time.Duration) error {
	if d == nil || d.told == deadline {
		return nil
	}
	d.told = deadline
	return d.tell(int64(deadline))
}

func (d *deadman) tell(number int64) error {
	if d == nil {
		return nil
	}
	_, err := d.in.Write(binary.LittleEndian.AppendUint64(nil, uint64(number)))
	return err
}

// dismiss ends the deadman. If it has ended CMD, acted is true and gone is when.
func (d *deadman) dismiss() (gone time.Duration, acted bool) {
	if d == nil {
		return 0, false
	}
	_ = d.cmd.Process.Kill() // it may have ended
	_ = d.cmd.Wait()         // by KILL, most likely
	var message [8]byte
	_, err := io.ReadFull(d.out, message[:])
	_, _ = d.in.Close(), d.out.Close()
	return time.Duration(binary.LittleEndian.Uint64(message[:])), err == nil
}

func (t *tool) deadmanCommand() *cli.Command {
	return &cli.Command{
		Name: "deadman", Usage: "end the command of a lockctl that cannot do it itself", Hidden: true,
		Action: func(*cli.Context) error { return watchOver(os.Getppid(), os.Stdin, os.Stdout) },
	}
}
