// Package system is what the load generator needs to know of a lock service: how
// to run it on this machine and how its users take, query and give back locks.
//
// A driver implements it for one service with that service's own best client.
// What a service cannot do, such as wait for a lock, its driver answers with
// errors.ErrUnsupported, and the workload is left out for it.
package system
