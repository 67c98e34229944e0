//go:build !race

package e2e

import "time"

// raceDetector: the processes are built as the tests are.
const raceDetector = false

// slow is what a machine that does other things as well may add to a bound.
const slow = 2 * time.Second
