package lockctl

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A process runs beside its script.
type process struct {
	cmd *exec.Cmd
	// in is the end of its stdin that the script has.
	in    *os.File
	ended chan struct{}
}

func start(ts *testscript.TestScript, args []string) {
	s, name := stageOf(ts), args[0]
	if s.processes[name] != nil {
		ts.Fatalf("%s was started before", name)
	}
	cmd := prepare(ts, args[1:])
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, give, err := os.Pipe()
	ts.Check(err)
	defer in.Close()
	out := create(ts, name+".out")
	defer out.Close()
	errs := create(ts, name+".err")
	defer errs.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, errs
	if err := cmd.Start(); err != nil {
		_ = give.Close()
		ts.Fatalf("%v", err)
	}
	p := &process{cmd: cmd, in: give, ended: make(chan struct{})}
	s.processes[name] = p
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // how it ended is in ProcessState
	}()
}

func create(ts *testscript.TestScript, name string) *os.File {
	file, err := os.OpenFile(ts.MkAbs(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	return file
}

func find(ts *testscript.TestScript, name string) *process {
	p := stageOf(ts).processes[name]
	if p == nil {
		ts.Fatalf("%s was never started", name)
	}
	return p
}

func closeInput(ts *testscript.TestScript, args []string) {
	ts.Check(find(ts, args[0]).in.Close())
}

func signal(ts *testscript.TestScript, args []string) {
	ts.Check(find(ts, args[0]).cmd.Process.Signal(signalNumber(ts, args[1])))
}

func ends(ts *testscript.TestScript, args []string) {
	p, want := find(ts, args[0]), number(ts, args[1])
	timer := time.NewTimer(waitTime)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		ts.Fatalf("%s does not end within %v", args[0], waitTime)
	}
	if got := exitCode(p.cmd.ProcessState); got != want {
		ts.Fatalf("%s: exit code %d, not %d\n%s", args[0], got, want, ts.ReadFile(args[0]+".err"))
	}
}

// end ends the processes that still run, and with a lockctl its command; and the
// terminals that a script which failed has left open.
func (s *stage) end() {
	terminals, _ := filepath.Glob(filepath.Join(s.dir, "tmux-*", "default")) // the pattern is well-formed
	for _, socket := range terminals {
		_ = exec.Command("tmux", "-S", socket, "kill-server").Run() // it may have ended
	}
	for _, p := range s.processes {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.ended
		_ = p.in.Close() // the script may have closed it
	}
}
