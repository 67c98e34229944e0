package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// A relay hands every signal that reaches lockctl to whoever is in charge of
// signals at the moment.
type relay struct {
	incoming chan os.Signal
	done     chan struct{}

	mu     sync.Mutex
	target func(syscall.Signal)
}

// ending are the signals that end a command which does not care.
var ending = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}

// newRelay listens for the signals that end a command. Stop must be called.
func newRelay(target func(syscall.Signal)) *relay {
	r := &relay{incoming: make(chan os.Signal, 64), done: make(chan struct{}), target: target}
	r.listen(ending)
	go r.run()
	return r
}

// listen leaves alone what lockctl was started to ignore (nohup), and CMD is to
// ignore, too. But lockctl must hear that it goes on after a stop.
func (r *relay) listen(signals []os.Signal) {
	for _, s := range signals {
		if s == syscall.SIGCONT || !signal.Ignored(s) {
			signal.Notify(r.incoming, s)
		}
	}
}

func (r *relay) run() {
	defer close(r.done)
	for s := range r.incoming {
		number, ok := s.(syscall.Signal)
		if !ok {
			continue
		}
		r.mu.Lock()
		target := r.target
		r.mu.Unlock()
		target(number)
	}
}

// redirect listens for all signals that can be forwarded and gives them, from
// now on, to target.
func (r *relay) redirect(target func(syscall.Signal)) {
	r.mu.Lock()
	r.target = target
	r.mu.Unlock()
	r.listen(forwarded())
}

// drop ignores a signal until catch.
func (r *relay) drop(s syscall.Signal) {
	if r != nil {
		signal.Ignore(s)
	}
}

// catch listens for the signal again.
func (r *relay) catch(s syscall.Signal) {
	if r != nil {
		signal.Notify(r.incoming, s)
	}
}

func (r *relay) stop() {
	signal.Stop(r.incoming)
	close(r.incoming)
	<-r.done
}

// forwarded lists the signals that a process can catch and that are not about
// lockctl itself: its children, its runtime, its own faults, its terminal output.
func forwarded() []os.Signal {
	own := map[syscall.Signal]bool{
		syscall.SIGKILL: true, syscall.SIGSTOP: true, syscall.SIGCHLD: true, syscall.SIGURG: true,
		syscall.SIGPROF: true, syscall.SIGPIPE: true, syscall.SIGTTIN: true, syscall.SIGTTOU: true,
		syscall.SIGSEGV: true, syscall.SIGBUS: true, syscall.SIGFPE: true, syscall.SIGILL: true, syscall.SIGTRAP: true,
	}
	var all []os.Signal
	for number := syscall.Signal(1); number <= lastSignal; number++ {
		if !own[number] && !reserved(number) {
			all = append(all, number)
		}
	}
	return all
}
