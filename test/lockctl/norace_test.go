//go:build !race

package lockctl

// raceDetector: the processes are built as the tests are.
const raceDetector = false
