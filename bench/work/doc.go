// Package work has the workloads: what clients do to a lock service, what is
// measured meanwhile, and which promises of a lock are checked on the way. A
// promise that is seen broken is an error.
//
// The workloads know no service in particular. All of them are bounded in time
// and number, and leave their locks free or to sessions that end.
package work
