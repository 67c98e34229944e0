package process

import "time"

const (
	// stopTime is what a process has to end after SIGTERM, before it is killed.
	stopTime = 15 * time.Second
	// readyTime bounds the start of a group, and the wait for its leader;
	// readyEvery is how often a process is asked for either.
	readyTime  = 60 * time.Second
	readyEvery = 10 * time.Millisecond
	// lastLines and maxLastBytes bound what is quoted of a log.
	lastLines    = 20
	maxLastBytes = 8 << 10

	// timerSlack is how late a sleeping thread of a load generator may be woken, and
	// usualSlack is Linux's for everybody.
	timerSlack = time.Millisecond
	usualSlack = 50 * time.Microsecond

	// Ports from which servers are served: below those that the kernel gives
	// to outgoing connections, which could take the port of a server that is
	// down.
	lowestPort  = 20_000
	highestPort = 32_000
	portTries   = 200
)
