package main

import "time"

// Every bound of lockctl's questions stands here; those of "run" are in run.go.
const (
	// defaultTimeout is how long an unreachable cluster is given to come back.
	defaultTimeout = 5 * time.Second
	// completionTime is what a press of the tab key may take.
	completionTime = 500 * time.Millisecond
	// maxCandidates bounds the names that one completion offers.
	maxCandidates = 200
	// maxAsked bounds the runs and references that "why" looks into.
	maxAsked = 64
	// maxTyped bounds what is read of a typed confirmation, in bytes.
	maxTyped = 4096
	// defaultNames is how many names "list" shows unless --max says otherwise.
	defaultNames = 1000
	// leastColumn is how narrow a column of a table may become, in characters.
	leastColumn = 6
	// defaultWidth is a terminal's that does not know its own.
	defaultWidth = 80
)
