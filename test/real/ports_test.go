package real

import (
	"sync"
	"testing"
)

func TestNobodyIsGivenAPortThatAnotherWasGiven(t *testing.T) {
	const callers, each = 40, 32
	var firsts [callers]int
	var all sync.WaitGroup
	for i := range firsts {
		all.Go(func() { firsts[i] = Ports(t, each) })
	}
	all.Wait()
	owner := make(map[int]int)
	for i, first := range firsts {
		for port := first; port < first+each; port++ {
			if other, given := owner[port]; given {
				t.Fatalf("port %d was given to %d and to %d", port, other, i)
			}
			owner[port] = i
		}
	}
}
