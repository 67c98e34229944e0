package gate_test

import (
	"fmt"
	"sync"
	"testing"

	"lockd/gate"
)

// A table changes some records in place while no version has them. Several
// commands follow each version here, so that the first takes the records out of
// it and the others change them in place.
func TestAVersionStaysWhileTheTableGoesOn(t *testing.T) {
	table := gate.New()
	var sessions []gate.SessionID
	for i := range uint64(3) {
		open := &gate.OpenSession{TTL: gate.MinTTL, Nonce: i + 1}
		sessions = append(sessions, table.Apply(&gate.Command{Op: open}, 0).Result.Session)
	}
	apply := func(i, seq int, op gate.Op) gate.Code {
		cmd := &gate.Command{Session: sessions[i], Seq: uint64(seq), Op: op}
		if seq%5 == 0 {
			cmd.Acked, cmd.Done = uint64(seq-4), []uint64{uint64(seq - 2)}
		}
		return table.Apply(cmd, gate.Wall(seq)).Result.Code
	}
	var old []version
	var readers sync.WaitGroup
	defer readers.Wait()
	for seq := 1; seq < 60; seq++ {
		if seq%4 == 0 {
			v := table.Snapshot()
			old = append(old, version{view: v, hash: v.Hash(), state: stateOf(v)})
			readers.Go(func() { stateOf(v) }) // for the race detector
		}
		for i := range sessions {
			run, name := fmt.Sprint("r", i), gate.Name{Kind: gate.Reference, Text: fmt.Sprint("a/", i)}
			if code := apply(i, 2*seq, &gate.Acquire{Run: run, Wants: []gate.Want{{Name: name}}}); code != gate.Acquired {
				t.Fatalf("acquire: code %d", code)
			}
			if code := apply(i, 2*seq+1, &gate.Release{Run: run, Gives: []gate.Give{{Name: name}}}); code != gate.Released {
				t.Fatalf("release: code %d", code)
			}
		}
	}
	for i, o := range old {
		if o.view.Hash() != o.hash || stateOf(o.view) != o.state {
			t.Errorf("version %d was changed:\n%v", i, differ("an old version", stateOf(o.view), o.state))
		}
	}
	if err := table.Check(); err != nil {
		t.Error(err)
	}
}
