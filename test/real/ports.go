package real

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports from which clusters are served: below those that the kernel gives to
// outgoing connections, which could take the port of a node that is down. They are
// taken by the block: whoever has one listens on its first port, and so neither
// the other tests of this process nor those of others take a port that is not
// served yet, or not at the moment.
const (
	lowestPort = 20_000
	portBlock  = 64
	portBlocks = 187
	portTries  = 10 * portBlocks
)

// Ports returns n adjacent ports of loopback, fewer than 64, that nobody listens on
// and nobody else is given until the test ends.
func Ports(tb testing.TB, n int) (first int) {
	tb.Helper()
	for range portTries {
		block := lowestPort + portBlock*rand.IntN(portBlocks)
		claim, err := net.Listen("tcp", loopback(block))
		if err != nil {
			continue
		}
		if n < portBlock && allFree(block+1, n) {
			tb.Cleanup(func() { _ = claim.Close() })
			return block + 1
		}
		_ = claim.Close()
	}
	tb.Fatalf("no %d adjacent ports are free", n)
	return 0
}

func allFree(first, n int) bool {
	for port := first; port < first+n; port++ {
		listener, err := net.Listen("tcp", loopback(port))
		if err != nil {
			return false
		}
		_ = listener.Close()
	}
	return true
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
