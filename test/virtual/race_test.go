//go:build race

package virtual

// ordinaryHours is what the ordinary test run takes; the race detector makes each
// many times as dear.
const ordinaryHours = 1
