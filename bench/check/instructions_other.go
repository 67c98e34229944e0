//go:build !linux

package main

import "errors"

type event struct{}

var hardwareInstructions = event{}

// countDuring counts nothing here: the error is errors.ErrUnsupported.
func countDuring(event, func() error) (uint64, error) { return 0, errors.ErrUnsupported }
