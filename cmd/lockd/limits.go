package main

import "time"

// Every bound of the process stands here.
const (
	// maxConfigBytes bounds the file that --config names.
	maxConfigBytes = 1 << 20
	// closeGrace is what open connections have, once the node has stopped, to
	// take their last answer.
	closeGrace = time.Second
	// minMultiplier and maxMultiplier bound --timing-multiplier.
	minMultiplier, maxMultiplier = 0.5, 100
)

// Exit codes; a usage error has that of sysexits.h.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 64
)
