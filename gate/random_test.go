package gate_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lockd/gate"
	"pgregory.net/rapid"
)

// roundsVar names the environment variable that multiplies the rounds of the
// random tests.
const roundsVar = "LOCKD_GATE_ROUNDS"

func rounds(t *testing.T, normal int) int {
	text := os.Getenv(roundsVar)
	if text == "" {
		return normal
	}
	factor, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", roundsVar, err)
	}
	return normal * factor
}

// history is one random history of a table beside its model.
type history struct {
	*pair
	*generator
	now  gate.Wall
	told []string
	// old versions must stay as they were when they were taken.
	old []version
}

// version is an old version of the table, with what it said when it was new.
type version struct {
	view  *gate.View
	hash  uint64
	state string
}

func newHistory(s source) *history {
	p := newPair(universeNames(), universeRuns)
	p.thorough = 5
	return &history{pair: p, generator: newGenerator(s, p.model), now: 1000}
}

// step applies one random command, and now and then takes a version or reloads
// the table.
func (h *history) step() error {
	h.now += gate.Wall(h.n(3))
	cmd := h.next()
	h.told = append(h.told, commandText(cmd))
	out, err := h.apply(cmd, h.now)
	if err != nil {
		return err
	}
	if out.Result.Code == gate.Queued {
		h.queuedAs[cmd.Op] = out.Result.Request
	}
	switch h.n(40) {
	case 0:
		v := h.table.Snapshot()
		h.old = append(h.old, version{view: v, hash: v.Hash(), state: stateOf(v)})
	case 1:
		h.told = append(h.told, "reload")
		return h.reload()
	}
	return nil
}

// checkOld looks at the old versions once more.
func (h *history) checkOld() error {
	for _, o := range h.old {
		if o.view.Hash() != o.hash {
			return fmt.Errorf("%w: the hash of an old version changed", errDiffer)
		}
		if state := stateOf(o.view); state != o.state {
			return differ("an old version", state, o.state)
		}
	}
	return nil
}

// story tells how the history went, for a failure.
func (h *history) story() string { return strings.Join(h.told, "\n") }

type seeded struct{ *rand.Rand }

func (s seeded) n(k int) int { return s.IntN(k) }

// The same histories every time: what passed here once does not fail by chance.
func TestTableAgreesWithModelOnSeededHistories(t *testing.T) {
	const steps = 300
	applied := 0
	codes := map[gate.Code]int{}
	for seed := range rounds(t, 80) {
		h := newHistory(seeded{rand.New(rand.NewPCG(uint64(seed), 1))})
		for range steps {
			if err := h.step(); err != nil {
				t.Fatalf("seed %d after %d commands: %v\n%s", seed, h.applied, err, shortened(h.sent))
			}
			codes[h.lastCode]++
		}
		if err := h.checkOld(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		applied += h.applied
	}
	t.Logf("%d commands compared; results by code: %v", applied, codes)
	for code := gate.Acquired; code <= gate.Expired; code++ {
		if codes[code] == 0 && code != gate.Overloaded {
			t.Errorf("no history led to a result with code %d", code)
		}
	}
}

// shortened leaves out of a history that failed what it fails without, and
// tells the rest. Reloads and old versions are not tried again.
func shortened(cmds []*gate.Command) string {
	for part := max(len(cmds)/2, 1); ; part /= 2 {
		for from := 0; from+part <= len(cmds); {
			fewer := slices.Delete(slices.Clone(cmds), from, from+part)
			if replay(fewer) != nil {
				cmds = fewer
			} else {
				from += part
			}
		}
		if part == 1 {
			break
		}
	}
	var w lines
	for _, cmd := range cmds {
		w.add("%s", commandText(cmd))
	}
	return fmt.Sprintf("%s\n%v", strings.Join(w, "\n"), replay(cmds))
}

// replay compares only what each command answers, and the state at the end.
func replay(cmds []*gate.Command) error {
	p := newPair(universeNames(), universeRuns)
	for i, cmd := range cmds {
		got, want := p.table.Apply(cmd, gate.Wall(1000+i)), p.model.Apply(cmd, gate.Wall(1000+i))
		p.adoptCycle(cmd, &want.Result, got.Result)
		p.run(got.Timers)
		if err := compareOutcomes(got, want); err != nil {
			return err
		}
	}
	return p.compareStates()
}

type drawn struct{ *rapid.T }

func (d drawn) n(k int) int { return rapid.IntRange(0, k-1).Draw(d.T, "n") }

// Other histories every time; a failure comes with the shortest one found.
func TestTableAgreesWithModel(t *testing.T) {
	applied := 0
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(drawn{rt})
		defer func() { applied += h.applied }()
		for range rapid.IntRange(20, 200).Draw(rt, "steps") {
			if err := h.step(); err != nil {
				rt.Fatalf("%v\n%s", err, h.story())
			}
		}
		if err := h.checkOld(); err != nil {
			rt.Fatalf("%v\n%s", err, h.story())
		}
	})
	t.Logf("%d commands compared", applied)
}

// bytesSource takes its choices from the bytes of a fuzz input, and then
// always the first.
type bytesSource struct{ left []byte }

func (b *bytesSource) n(k int) int {
	if len(b.left) == 0 {
		return 0
	}
	choice := int(b.left[0]) % k
	b.left = b.left[1:]
	return choice
}

func FuzzTable(f *testing.F) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 2))
		input := make([]byte, 240)
		for i := range input {
			input[i] = byte(r.Uint32())
		}
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		choices := &bytesSource{left: input}
		h := newHistory(choices)
		for len(choices.left) > 0 {
			if err := h.step(); err != nil {
				t.Fatalf("%v\n%s", err, h.story())
			}
		}
		if err := h.checkOld(); err != nil {
			t.Fatalf("%v\n%s", err, h.story())
		}
	})
}
