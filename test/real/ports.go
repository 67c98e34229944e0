package real

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports from which clusters are served: below those that the kernel gives to
// outgoing connections, which could take the port of a node that is down.
const (
	lowestPort  = 20_000
	highestPort = 32_000
	portTries   = 200
)

// Ports returns n adjacent ports of loopback that nobody listens on.
func Ports(tb testing.TB, n int) (first int) {
	tb.Helper()
	for range portTries {
		first = lowestPort + rand.IntN(highestPort-lowestPort-n)
		if allFree(first, n) {
			return first
		}
	}
	tb.Fatalf("no %d adjacent ports are free", n)
	return 0
}

func allFree(first, n int) bool {
	for port := first; port < first+n; port++ {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		_ = listener.Close()
	}
	return true
}
