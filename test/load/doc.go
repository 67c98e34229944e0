// Package load drives real lockd processes, built with the race detector, with
// many clients at once, and looks at what is left when everything was given
// back: no race, no goroutine and no memory too many, and equal tables.
package load
