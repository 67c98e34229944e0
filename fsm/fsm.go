package fsm

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"lockd/gate"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// Config is what an FSM needs of its surroundings. All fields may be left out.
type Config struct {
	Logger hclog.Logger
	// OnApply gets what each entry did, in log order, on the goroutine that
	// applies the log: it must not block, and must not call WaitApplied. The
	// entry is in View already; Applied reaches it only when OnApply returns.
	OnApply func(*Applied)
	// Keeps reports whether what an entry of the term did may be looked at when
	// OnApply has returned, through the future of who proposed it; otherwise its
	// memory is used again.
	Keeps func(term uint64) bool
	// OnRestore is told, on that goroutine too, that the table is another one,
	// as of entry index: nothing is known of the entries between.
	OnRestore func(index uint64)
	// Pace is called after each block of a snapshot, on the goroutine that writes
	// it, and may take its time: the block is written, and the table goes on.
	Pace func()
}

// Applied is what one entry did. Nobody may change it.
type Applied struct {
	Index, Term uint64
	// Time is the batch's.
	Time gate.Wall
	// Outcomes are those of the batch's commands, in order.
	Outcomes []gate.Outcome
}

// FSM is the replicated lock table as Raft sees it. Apply, StoreConfiguration,
// Snapshot and Restore are Raft's to call, one at a time; everything else may
// be called from anywhere.
type FSM struct {
	config Config
	// batch, commands and ops are the memory of the batch that is being applied.
	batch    Batch
	commands []gate.Command
	ops      spareOps
	// outcomes are the memory of those that nobody keeps.
	outcomes []gate.Outcome
	// applied is the last entry whose OnApply has returned.
	applied atomic.Uint64

	mu    sync.Mutex
	table *gate.Table
	// view is the table as of index; nil until somebody asks.
	view    *gate.View
	index   uint64
	waiters waiters
}

var (
	_ raft.FSM                = (*FSM)(nil)
	_ raft.ConfigurationStore = (*FSM)(nil)
)

// New returns an FSM with an empty table, as of before the first entry.
func New(config Config) *FSM {
	if config.Logger == nil {
		config.Logger = hclog.NewNullLogger()
	}
	if config.OnApply == nil {
		config.OnApply = func(*Applied) {}
	}
	if config.Keeps == nil {
		config.Keeps = func(uint64) bool { return true }
	}
	if config.OnRestore == nil {
		config.OnRestore = func(uint64) {}
	}
	if config.Pace == nil {
		config.Pace = func() {}
	}
	return &FSM{config: config, table: gate.New()}
}

// Apply applies one entry, an encoded Batch, and returns what it did as
// *Applied. It panics, with an error that names the remedy, on an entry that
// this build cannot read to the last command: going on without it would make
// this replica differ from the others. Nothing of such an entry is applied.
func (f *FSM) Apply(entry *raft.Log) any {
	commands, err := f.decode(entry.Data)
	if err != nil {
		panic(fmt.Errorf("fsm: entry %d of term %d cannot be applied: %w; %s", entry.Index, entry.Term, err, remedy(err)))
	}
	keeps := f.config.Keeps(entry.Term)
	done := &Applied{Index: entry.Index, Term: entry.Term, Time: f.batch.Time, Outcomes: f.room(keeps, len(commands))}

	f.mu.Lock()
	for i := range commands {
		f.table.ApplyTo(&done.Outcomes[i], &commands[i], f.batch.Time)
	}
	f.view, f.index = nil, entry.Index
	f.mu.Unlock()

	f.config.OnApply(done)
	f.publish(entry.Index)
	if !keeps {
		for i := range done.Outcomes {
			done.Outcomes[i].Reset()
		}
	}
	return done
}

// room returns memory for n outcomes, of their own if they are kept.
func (f *FSM) room(keeps bool, n int) []gate.Outcome {
	if keeps {
		return make([]gate.Outcome, n)
	}
	f.outcomes = slices.Grow(f.outcomes[:0], n)[:n]
	return f.outcomes
}

// decode returns the commands of the entry, all of them or an error.
func (f *FSM) decode(entry []byte) ([]gate.Command, error) {
	if err := f.batch.decode(entry); err != nil {
		return nil, err
	}
	n := len(f.batch.Commands)
	f.commands = slices.Grow(f.commands[:0], n)[:n]
	f.ops.reset()
	for i, b := range f.batch.Commands {
		if _, err := decodeCommand(b, &f.commands[i], &f.ops); err != nil {
			return nil, fmt.Errorf("%d of %d: %w", i+1, n, err)
		}
	}
	clear(f.batch.Commands)
	return f.commands, nil
}

// remedy says what the operator is to do about a decoding error.
func remedy(err error) string {
	if errors.Is(err, ErrNewer) {
		return "upgrade this node to the version of the others, then start it again"
	}
	return "the log is damaged or another program's: replace this node's disk and data directory"
}

// StoreConfiguration implements raft.ConfigurationStore. Memberships are Raft's
// to keep; the entry only moves the applied index.
func (f *FSM) StoreConfiguration(index uint64, _ raft.Configuration) {
	f.mu.Lock()
	f.index = index
	f.mu.Unlock()
	f.publish(index)
}

// View returns the table as it is now and the entry up to which it goes. It
// waits at most for the entry that is being applied.
func (f *FSM) View() (*gate.View, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.view == nil {
		f.view = f.table.Snapshot()
	}
	return f.view, f.index
}

// Applied returns the last entry that is applied and that OnApply, or after a
// restore OnRestore, knows of.
func (f *FSM) Applied() uint64 { return f.applied.Load() }

// Snapshot implements raft.FSM. It takes the version of the table that is
// there now; the commands that follow neither change nor wait for it.
func (f *FSM) Snapshot() (raft.FSMSnapshot, error) {
	view, index := f.View()
	return &snapshot{view: view, index: index, pace: f.config.Pace}, nil
}

// Restore implements raft.FSM: the table becomes that of the snapshot, once all
// of it has been read and verified. On an error, which wraps ErrMalformed or
// ErrNewer or is the reader's, everything stays as it was.
func (f *FSM) Restore(from io.ReadCloser) error {
	defer from.Close()
	table, index, err := readSnapshot(from)
	switch {
	case errors.Is(err, ErrNewer):
		return fmt.Errorf("%w; %s", err, remedy(err))
	case err != nil:
		return err
	}
	f.mu.Lock()
	f.table, f.view, f.index = table, nil, index
	f.mu.Unlock()
	f.config.Logger.Info("table restored from snapshot", "index", index)

	f.config.OnRestore(index)
	f.publish(index)
	return nil
}
