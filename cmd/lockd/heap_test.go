package main

import "testing"

func TestGarbageGathersByTheSizeOfTheHeapAndTheLoad(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		live, rate uint64
		want       int
	}{
		"nothing yet":           {0, 0, maxGarbageShare},
		"small, at rest":        {8 * mib, 0, maxGarbageShare},
		"small, busy":           {8 * mib, 100 * mib, maxGarbageShare},
		"middling, at rest":     {32 * mib, 0, 200},
		"middling, busy":        {32 * mib, 100 * mib, 200},
		"large, at rest":        {400 * mib, 0, minGarbageShare},
		"large, lightly loaded": {400 * mib, 20 * mib, 50},
		"large, busy":           {400 * mib, 300 * mib, busyGarbageShare},
		"huge, busy":            {8192 * mib, 300 * mib, 36},
	} {
		if got := garbageShare(c.live, c.rate); got != c.want {
			t.Errorf("%s: %d %%, want %d", name, got, c.want)
		}
	}
}
