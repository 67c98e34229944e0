package cluster

import (
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// silentLink takes everything and answers nothing.
type silentLink struct{}

func (silentLink) Send(string, byte, []byte, func([]byte, bool, error)) (func(), error) {
	return func() {}, nil
}

// Found by 100 hours of virtual time: a node that was killed gave up a batch that
// it was just about to send, whose timer was not set yet.
func TestABatchIsGivenUpWhileItIsBeingSent(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		n := c.leader()
		n.config.Link = silentLink{}
		stop := make(chan struct{})
		var givingUp sync.WaitGroup
		givingUp.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					n.forwards.giveUp(func(*forwarded) bool { return true }, ErrShuttingDown)
				}
			}
		})
		verdicts := make(chan verdict, 1)
		for range 10_000 {
			p := &proposal{command: []byte("x"), done: func(_ int, v verdict) { verdicts <- v }}
			n.forward(raft.ServerID("n2"), []*proposal{p}, func() {})
			if v := <-verdicts; v.err == nil {
				t.Fatal("an answer from nowhere")
			}
		}
		close(stop)
		givingUp.Wait()
		time.Sleep(n.config.Timing.Answer)
		if left := len(n.forwards.calls); left != 0 {
			t.Errorf("%d calls are never forgotten", left)
		}
	})
}
