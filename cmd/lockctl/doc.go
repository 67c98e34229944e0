// Command lockctl asks a lockd cluster for locks and about them.
//
// "lockctl run" holds a lock while another command runs; most others are one call
// of the API each. What was asked for goes to stdout, as a table that fits the
// terminal, as the API's own JSON, or as plain fields (output.go); everything said
// to the person goes to stderr. The exit code alone tells a script what happened
// (exit.go). Completion (candidates.go), the manual pages (man.go) and
// docs/lockctl/commands.md are made of the same tree of commands as --help.
//
// Each command has a file of its own. The way to the cluster, with all retries
// and leases, is package client's.
package main
