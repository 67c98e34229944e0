//go:build unix && !linux

package process

// RelaxTimers does nothing here.
func RelaxTimers() {}

func punctual(start func() error) error { return start() }
