package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Command says what to run.
type Command struct {
	Path string
	Args []string
	// Log is the file to which standard output and error are appended.
	Log string
}

// A Process is a running program, or one that has ended. It may be used from any
// goroutine.
type Process struct {
	command Command
	cmd     *exec.Cmd
	ended   chan struct{}
}

// Start starts a process. Whoever starts it must see to its end with Stop or
// Kill.
func Start(command Command) (*Process, error) {
	log, err := os.OpenFile(command.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(command.Path, command.Args...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, tied()
	if err := punctual(cmd.Start); err != nil {
		return nil, err
	}
	p := &Process{command: command, cmd: cmd, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // how it ended stands in its log
	}()
	return p, nil
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process with SIGKILL and returns when it is gone.
func (p *Process) Kill() error { return p.signal(syscall.SIGKILL) }

// Stop asks the process to end, kills it if it does not, and returns when it is
// gone. The error says that it had to be killed.
func (p *Process) Stop() error {
	if err := p.ask(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopTime):
		return errors.Join(fmt.Errorf("%s did not end within %v\n%s", p.command.Path, stopTime, p.LastWords()), p.Kill())
	}
}

func (p *Process) signal(s syscall.Signal) error {
	if err := p.ask(s); err != nil {
		return err
	}
	<-p.ended
	return nil
}

func (p *Process) ask(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%v to %s: %w", s, p.command.Path, err)
	}
	return nil
}

// LastWords are the last lines of the process's log, for error messages.
func (p *Process) LastWords() string {
	text, err := os.ReadFile(p.command.Log)
	if err != nil {
		return err.Error()
	}
	text = text[max(0, len(text)-maxLastBytes):]
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-lastLines):], "\n")
}
