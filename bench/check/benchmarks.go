package main

import (
	"path"
	"strings"
)

// A benchmark is one hot path.
type benchmark struct {
	// folder is the package's, from the root of the repository.
	folder string
	// function is the benchmark's without its prefix, with "/" and what it is
	// measured at if it has several.
	function string
	// operations is how many are measured.
	operations int
}

// name is what the baseline calls the benchmark.
func (b *benchmark) name() string { return path.Join(b.folder, b.function) }

// pattern is the benchmark's for -test.bench.
func (b *benchmark) pattern() string {
	return "^Benchmark" + strings.ReplaceAll(b.function, "/", "$/^") + "$"
}

// benchmarks are in the order of their names.
var benchmarks = []benchmark{
	{"client", "Calls", 1000},
	{"client", "StreamMessage", 500},
	{"cluster", "Do", 1000},
	{"cluster", "Submit", 200},
	{"fsm", "AppendBatchOfThousand", 200},
	{"fsm", "AppendCommand", 1000},
	{"fsm", "AppendResult", 1000},
	{"fsm", "ApplyBatchOfThousand", 50},
	{"fsm", "DecodeBatchOfThousand", 200},
	{"fsm", "DecodeCommand", 1000},
	{"fsm", "DecodeResult", 1000},
	{"gate", "AcquireRelease/10", 1000},
	{"gate", "CycleInSession/10", 1000},
	{"gate", "HandOff", 1000},
	{"gate", "KeyAcquireRelease", 1000},
	{"gate", "QueuedAcquire/10", 1000},
	{"gate", "TreeAcquire/10", 1000},
	{"transport/httpapi", "AcquireAndRelease", 1000},
	{"transport/httpapi", "StreamMessage", 500},
}
