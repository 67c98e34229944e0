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

func TestALargeHeapGivesItsMemoryBackOnceItComesToRest(t *testing.T) {
	const mib = 1 << 20
	var h heapTuner
	for i, step := range []struct {
		live, rate      uint64
		changed, rested bool
	}{
		{8 * mib, 0, true, false},
		{8 * mib, 100 * mib, false, false},
		{400 * mib, 300 * mib, true, false},
		{400 * mib, 20 * mib, true, false},
		{400 * mib, 0, true, true},
		{400 * mib, 0, false, false},
		{400 * mib, 16 * mib, true, false}, // too little to be worth another collection
		{400 * mib, 0, true, false},
		{400 * mib, 20 * mib, true, false},
		{400 * mib, 12 * mib, true, false},
		{400 * mib, 0, false, true},
	} {
		if changed, rested := h.see(step.live, step.rate); changed != step.changed || rested != step.rested {
			t.Errorf("step %d: changed %t, rested %t; want %t, %t", i, changed, rested, step.changed, step.rested)
		}
	}
}
