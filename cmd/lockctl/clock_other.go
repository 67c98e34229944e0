//go:build unix && !linux

package main

import "time"

var started = time.Now()

// sinceBoot counts from the start of lockctl.
func sinceBoot() time.Duration { return time.Since(started) }
