package cluster

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"lockd/gate"

	"github.com/hashicorp/raft"
)

// kept is what raft would find in a directory.
type kept struct {
	term, voted uint64
	candidate   string
	entries     []raft.Log
}

// keep opens the directory as Start does, up to where raft would begin.
func keep(c *Config) (k *kept, err error) {
	raw, err := openStores(c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, raw.Close()) }()
	stores := raw.sealed()
	if err := verify(c, stores); err != nil {
		return nil, err
	}
	k = new(kept)
	term, _ := stores.Stable.GetUint64([]byte(currentTerm))
	voted, _ := stores.Stable.GetUint64([]byte(lastVoteTerm))
	candidate, _ := stores.Stable.Get([]byte(lastCandidate))
	k.term, k.voted, k.candidate = term, voted, string(candidate)
	first, _ := stores.Log.FirstIndex()
	last, _ := stores.Log.LastIndex()
	for i := first; i <= last; i++ {
		var entry raft.Log
		if err := stores.Log.GetLog(i, &entry); err != nil {
			return nil, err
		}
		entry.AppendedAt = time.Time{} // for metrics only, and not under the seal
		k.entries = append(k.entries, entry)
	}
	return k, nil
}

// written fills a directory with a log of that many entries, and votes.
func written(t testing.TB, c *Config, entries int) []byte {
	t.Helper()
	raw, err := openStores(c)
	if err != nil {
		t.Fatal(err)
	}
	stores := raw.sealed()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(stores.Stable.SetUint64([]byte(currentTerm), 7))
	must(stores.Stable.SetUint64([]byte(lastVoteTerm), 7))
	must(stores.Stable.Set([]byte(lastCandidate), []byte("n1")))
	for i := 0; i < entries; i += 100 {
		var batch []*raft.Log
		for j := i; j < i+100; j++ {
			batch = append(batch, &raft.Log{Index: uint64(j + 1), Term: 7, Data: bytes.Repeat([]byte{byte(j)}, 100+j%200)})
		}
		must(stores.Log.StoreLogs(batch))
	}
	must(raw.Close())
	content, err := os.ReadFile(filepath.Join(c.DataDir, logFile))
	must(err)
	return content
}

func TestAFlippedBitInTheLogFileIsNeverTakenForTheTruth(t *testing.T) {
	c := alone(t, t.TempDir())
	content := written(t, &c, 200)
	want, err := keep(&c)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.DataDir, logFile)
	dice := rand.New(rand.NewPCG(1, 2))
	refused, flips := 0, 200
	if testing.Short() {
		flips = 50
	}
	for range flips {
		at, bit := dice.IntN(len(content)), byte(1)<<dice.IntN(8)
		flipped := bytes.Clone(content)
		flipped[at] ^= bit
		if err := os.WriteFile(path, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := keep(&c)
		switch {
		case err != nil:
			refused++
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), c.DataDir) || !strings.Contains(err.Error(), "move the whole directory away") {
				t.Errorf("byte %d of page %d, bit %#x: the message names neither place nor remedy: %v", at%4096, at/4096, bit, err)
			}
		case !reflect.DeepEqual(got, want):
			t.Errorf("byte %d of page %d, bit %#x: not noticed", at%4096, at/4096, bit)
		}
	}
	t.Logf("%d of %d flips were refused, the others hit what is not in use", refused, flips)
	if refused < flips/8 {
		t.Errorf("%d of %d flips were noticed: is the file in use at all?", refused, flips)
	}
}

func TestALogFileCutShortIsRefused(t *testing.T) {
	c := alone(t, t.TempDir())
	content := written(t, &c, 200)
	path := filepath.Join(c.DataDir, logFile)
	for _, left := range []int{1, 100, 4096, 8192, 20_000, len(content) / 2} {
		if err := os.WriteFile(path, content[:left], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keep(&c); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut to %d of %d bytes: %v", left, len(content), err)
		}
	}
}

func TestAPageThatHidesTheEndOfTheLogIsRefused(t *testing.T) {
	c := alone(t, t.TempDir())
	content := written(t, &c, 200)
	path := filepath.Join(c.DataDir, logFile)
	cut := 0
	for at := 2 * 4096; at+4096 <= len(content); at += 4096 {
		page := bytes.Clone(content)
		count := binary.NativeEndian.Uint16(page[at+10:])
		if kind := binary.NativeEndian.Uint16(page[at+8:]); kind != leafPage || count < 2 {
			continue
		}
		binary.NativeEndian.PutUint16(page[at+10:], count-1)
		if err := os.WriteFile(path, page, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := keep(&c); err == nil && len(got.entries) != 200 {
			t.Errorf("page %d: %d entries, and nobody minds", at/4096, len(got.entries))
		} else if err != nil {
			cut++
		}
	}
	if cut == 0 {
		t.Error("no page was in use")
	}
}

func TestADamagedSnapshotIsRefused(t *testing.T) {
	dir := t.TempDir()
	n, stop := startAlone(t, alone(t, dir))
	for i := range 20 {
		do(t, n, acquire("run-1", fmt.Sprint(i)), gate.Acquired)
	}
	if err := n.raft.Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	stop()
	found, err := filepath.Glob(filepath.Join(dir, snapshotsFolder, "*"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	for _, name := range []string{"state.bin", "meta.json"} {
		path := filepath.Join(found[0], name)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damages := map[string][]byte{"cut short": content[:len(content)/2], "empty": {}, "flipped": bytes.Clone(content)}
		damages["flipped"][len(content)/2] ^= 0x80
		if name == "meta.json" {
			damages["another index"] = bytes.Replace(content, []byte(`"Index":2`), []byte(`"Index":3`), 1)
			delete(damages, "flipped")
		}
		for what, damaged := range damages {
			if bytes.Equal(damaged, content) {
				t.Fatalf("%s %s is as before: %s", name, what, content)
			}
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if n, err := Start(alone(t, dir)); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s %s: %v", name, what, err)
				_ = n.Shutdown(within(t, 10*time.Second))
			}
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n, _ = startAlone(t, alone(t, dir))
	if got := holder(t, n, "7"); got != "run-1" {
		t.Errorf("holder %q", got)
	}
}

func TestADamagedEntryEndsTheNodeThatReadsIt(t *testing.T) {
	_, log, fatal, stop := onBrokenLog(t)
	defer stop()
	dog := &watchdog{limit: DefaultTiming().StuckWrite, fatal: func(err error) { fatal <- err }, logger: DefaultConfig().Logger}
	if err := log.StoreLogs([]*raft.Log{{Index: 1000, Term: 1, Data: []byte("no seal")}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		// It does not return: this goroutine stays.
		_ = (&guardedLog{LogStore: sealedLog{log}, dog: dog}).GetLog(1000, new(raft.Log))
		cancel()
	}()
	err := <-fatal
	wantError(t, err, ErrDamaged)
	if ctx.Err() != nil {
		t.Error("raft would go on")
	}
}

func BenchmarkSealedLog(b *testing.B) {
	entry := &raft.Log{Index: 1, Term: 1, Data: make([]byte, 4096)}
	for name, log := range map[string]raft.LogStore{"plain": discardLog{}, "sealed": sealedLog{discardLog{}}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(entry.Data)))
			for b.Loop() {
				if err := log.StoreLogs([]*raft.Log{entry}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerify is what a node does at its start, beside raft's own reading.
func BenchmarkVerify(b *testing.B) {
	c := DefaultConfig()
	c.DataDir = b.TempDir()
	content := written(b, &c, 20_000)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if err := checkPages(filepath.Join(c.DataDir, logFile), c.Timing.FileLock); err != nil {
			b.Fatal(err)
		}
		raw, err := openStores(&c)
		if err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(verify(&c, raw.sealed()), raw.Close()); err != nil {
			b.Fatal(err)
		}
	}
}

// discardLog takes everything.
type discardLog struct{ raft.LogStore }

func (discardLog) StoreLogs([]*raft.Log) error { return nil }
