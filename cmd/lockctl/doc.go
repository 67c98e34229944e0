// Command lockctl asks a lockd cluster for locks and about them.
//
// "lockctl run" holds a lock while another command runs; the other commands are
// one call of the API each. What was asked for goes to stdout, as a table or as
// the API's own JSON; everything said to the person goes to stderr. The exit
// code alone tells a script what happened (exit.go).
//
// Each command has a file of its own. The way to the cluster, with all retries
// and leases, is package client's.
package main
