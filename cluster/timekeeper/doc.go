// Package timekeeper knows when the sessions, waits and lock delays of one term
// of leadership are over. It is pure: the time is passed in, nothing in it runs
// by itself, and the leader serialises the calls. What it finds to be over is
// for the leader to propose; only the log ends anything.
package timekeeper
