// Command lockd is one node of a lockd cluster.
//
// Without flags it is a whole cluster of one node on loopback, with its files in
// ./lockd-data and its API on http://127.0.0.1:7410, where lockctl looks first.
// Every setting is a flag, a LOCKD_* variable or a key of the YAML file that
// --config names; the first of these that is given counts.
//
// The command wires the packages together and decides nothing about locks. It
// exits 0 after a graceful stop, 64 if it was started wrongly and 1 if it could
// not run or had to give up.
package main
