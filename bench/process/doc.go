// Package process runs server processes for a measurement and reads what they
// cost from /proc, so it measures on Linux only.
//
// Only processes that the package started are ever signalled, and they do not
// outlive the one that started them.
package process
