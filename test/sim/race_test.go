//go:build race

package sim

// racing: the race detector makes everything ten times slower, and a world is
// one goroutine.
const racing = true
