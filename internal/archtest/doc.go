// Package archtest turns the project's layering and house rules into tests that
// fail: who may import whom, what the deterministic packages must not contain,
// how long a function or a file may be, and what a test must not do.
//
// The rules are tables in rules_test.go. Each check takes syntax and returns
// what is wrong with it, so that every check is itself shown to fail on source
// that breaks it.
package archtest
