// Command check compares what the hot functions of lockd cost with figures that
// are kept in baseline.txt: allocations and bytes an operation, and instructions
// where the machine counts them. These do not depend on how fast or how busy a
// machine is; time does, and is not looked at.
//
//	go run ./check          # in bench/: compare; exit status 1 if something got worse
//	go run ./check -update  # write the baseline
//
// Each benchmark runs in a process of its own, for a fixed number of operations,
// on one processor and without garbage collection, which would empty pools.
package main
