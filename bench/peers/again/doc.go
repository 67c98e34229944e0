// Package again repeats what a server that is away for a moment has failed.
package again
