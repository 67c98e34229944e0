package cluster

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

// barks counts how often a watchdog with that limit wanted the process to end.
func barks(limit time.Duration) (*watchdog, *atomic.Int32) {
	n := new(atomic.Int32)
	return &watchdog{limit: limit, fatal: func(error) { n.Add(1) }, logger: hclog.NewNullLogger()}, n
}

func TestAWriteThatHangsEndsTheProcessAtTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dog, barked := barks(3 * time.Second)
		returns := make(chan struct{})
		go func() {
			_ = dog.write("appending", func() error { <-returns; return nil })
		}()
		time.Sleep(3*time.Second - time.Millisecond)
		synctest.Wait()
		if barked.Load() != 0 {
			t.Error("before the limit")
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if barked.Load() != 1 {
			t.Error("not at the limit")
		}
		close(returns)
	})
}

// A process that was stopped in the middle of a write finds the write's time over
// when it goes on, and the next beats due as if nothing had been.
func TestAStopOfTheProcessIsNoHangOfTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dog, barked := barks(3 * time.Second)
		var over atomic.Bool
		dog.beat("appending", &over, alarmBeats) // late, by whatever the stop took
		time.Sleep(2 * time.Second)
		over.Store(true)
		time.Sleep(time.Minute)
		if barked.Load() != 0 {
			t.Error("a write that took 2 s beside the stop has ended the process")
		}
	})
}
