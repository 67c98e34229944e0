package sim

import (
	"testing"
	"time"
)

// Each mistake in the environment of the lock table must be seen, by the check
// that is there for it.
func TestFlawsOfTheEnvironmentAreSeen(t *testing.T) {
	if racing {
		t.Skip("the race detector has nothing to find in one goroutine")
	}
	for _, c := range []struct {
		name  string
		flaw  Flaw
		seeds int
		check []string
	}{
		{"keepalives acknowledged and reads answered without a proof", AckUnconfirmed, 400, []string{"expiry", "two believers", "reads"}},
		{"a proof counted from its answer", ProofByAnswer, 3000, []string{"expiry", "two believers", "reads"}},
		{"keepalives acknowledged while an expiry is under way", AckWhileEnding, 400, []string{"expiry", "two believers"}},
		{"reads and keepalives served before the term's first command", ServeBeforeStart, 400, []string{"expiry", "two believers", "reads"}},
		{"entries committed without a majority", CommitAlone, 100, []string{"log", "replicas differ"}},
		{"forwarded commands applied twice", ForwardTwice, 400, []string{"copies"}},
		{"leases counted from the answer", LeaseFromAnswer, 400, []string{"two believers", "expiry"}},
		{"the ordinary margin where clocks differ by more than it covers", DefaultMargin, 1000, []string{"two believers"}},
		{"storage that ignores tokens", NoFence, 100, []string{"fenced resource"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var seen *Failure
			config := func(seed uint64) Config {
				return Config{Seed: seed, Operations: ordinaryOperations, Flaw: c.flaw}
			}
			done := search(0, c.seeds, 3*time.Minute, config, func(_ uint64, out Outcome) bool {
				if out.Failure != nil {
					for _, check := range c.check {
						if out.Failure.Check == check {
							seen = out.Failure
						}
					}
				}
				return seen != nil
			})
			if seen == nil {
				t.Fatalf("not seen in %d seeds", done)
			}
			t.Logf("seen after %d seeds: %v", done, seen)
		})
	}
}

func TestShortenedHistoryFailsInTheSameWay(t *testing.T) {
	config := Config{Seed: 3, Operations: 400, Flaw: NoFence}
	for ; ; config.Seed++ {
		out := Run(config)
		if out.Failure == nil || out.Failure.Check != "fenced resource" {
			continue
		}
		config.Left = Shorten(config, out.Failure, time.Minute)
		again := Run(config)
		if again.Failure == nil || again.Failure.Check != out.Failure.Check {
			t.Errorf("seed %d: %v became %v", config.Seed, out.Failure, again.Failure)
		}
		if all, rest := len(plan(config.Operations)), len(plan(config.Operations))-len(config.Left); rest > all/2 {
			t.Errorf("seed %d: %d of %d steps are left", config.Seed, rest, all)
		}
		return
	}
}
