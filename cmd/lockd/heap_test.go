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
	see := func(times int, live, rate uint64) (rested int) {
		for range times {
			if _, now := h.see(live, rate); now {
				rested++
			}
		}
		return rested
	}
	for i, step := range []struct {
		times            int
		live, rate       uint64
		share, collected int
	}{
		{10, 8 * mib, 0, maxGarbageShare, 0},
		{10, 8 * mib, 100 * mib, maxGarbageShare, 0},
		{10, 400 * mib, 300 * mib, busyGarbageShare, 0},
		{10, 400 * mib, 20 * mib, 50, 0},
		{restChecks - 1, 400 * mib, 0, minGarbageShare, 0},
		{1, 400 * mib, 12 * mib, minGarbageShare, 0}, // was slow for a moment
		{restChecks - 1, 400 * mib, 0, minGarbageShare, 0},
		{10, 400 * mib, 0, minGarbageShare, 1},
		{10, 400 * mib, 14 * mib, 35, 0}, // too little to be worth another collection
		{10, 400 * mib, 0, minGarbageShare, 0},
		{10, 400 * mib, 20 * mib, 50, 0},
		{10, 400 * mib, 0, minGarbageShare, 1},
		{10, 200 * mib, 100 * mib, busyGarbageShare, 0},
		{10, 200 * mib, 0, 32, 1},
	} {
		if got := see(step.times, step.live, step.rate); got != step.collected || h.share != step.share {
			t.Errorf("step %d: collected %d times, %d %%; want %d, %d %%", i, got, h.share, step.collected, step.share)
		}
	}
}
