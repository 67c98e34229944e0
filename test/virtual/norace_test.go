//go:build !race

package virtual

// ordinaryHours is what the ordinary test run takes.
const ordinaryHours = 10
