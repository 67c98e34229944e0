package process

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports returns first if n adjacent ports of loopback are free from there on, or,
// if first is zero, the first of n that are.
func Ports(first, n int) (int, error) {
	if first == 0 {
		return FreePorts(n)
	}
	return first, CheckPorts(first, n)
}

// FreePorts returns the first of n adjacent ports of loopback that nobody
// listens on.
func FreePorts(n int) (first int, err error) {
	for range portTries {
		first = lowestPort + rand.IntN(highestPort-lowestPort-n)
		if err = CheckPorts(first, n); err == nil {
			return first, nil
		}
	}
	return 0, fmt.Errorf("no %d adjacent ports are free: %w", n, err)
}

// CheckPorts says which of n adjacent ports of loopback is taken, if one is.
func CheckPorts(first, n int) error {
	for port := first; port < first+n; port++ {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return err
		}
		if err := listener.Close(); err != nil {
			return err
		}
	}
	return nil
}
