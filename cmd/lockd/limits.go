package main

import "time"

// Every bound of the process stands here.
const (
	// maxConfigBytes bounds the file that --config names.
	maxConfigBytes = 1 << 20
	// closeGrace is what open connections have, once the node has stopped, to
	// take their last answer.
	closeGrace = time.Second
	// maxLogLines and maxLogBytes bound the log that waits for its reader.
	maxLogLines, maxLogBytes = 4096, 1 << 20
	// lastWords is what the end of the log has to be written when the process ends.
	lastWords = 500 * time.Millisecond
	// timerSlack is how late a sleeping thread may be woken.
	timerSlack = time.Millisecond
	// Garbage gathers for collectEvery, or up to garbageBytes if that takes longer:
	// minGarbageShare percent of the live heap at least, busyGarbageShare at most,
	// or maxGarbageShare while that is within garbageBytes. Looked at once in each
	// heapCheck, more or less. A large heap is at rest after restChecks without load.
	minGarbageShare, busyGarbageShare, maxGarbageShare = 25, 200, 400

	garbageBytes = 64 << 20
	collectEvery = 10 * time.Second
	heapCheck    = time.Second
	restChecks   = 5
	// minMultiplier and maxMultiplier bound --timing-multiplier.
	minMultiplier, maxMultiplier = 0.5, 100
)

// Exit codes; a usage error has that of sysexits.h.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 64
)
