// Command bench measures lock services on this machine: it starts each as real
// processes with its files on a real disk, drives it from this process, checks
// on the way what a lock promises, and ends all that it started.
//
//	go run . -workloads W1,W2,W7 -clients 1,16,64,256 -duration 3s -repeat 3
//
// Tables (or JSON, with -o json) go to standard output, progress to standard
// error. Servers and clients share the machine, and what else it does shows:
// only figures of one run compare.
//
// The exit code is 0, 1 if a workload failed or a promise was broken, and 64 for
// wrong usage.
package main
