package sim

import (
	"maps"
	"time"
)

// Shorten leaves out of a history, as long as the limit allows, whatever it
// fails without. It returns the steps to leave out: as Config.Left they make a
// world that fails in the same way.
func Shorten(config Config, failure *Failure, limit time.Duration) map[int]bool {
	end := time.Now().Add(limit)
	config.Trace = nil
	left := maps.Clone(config.Left)
	if left == nil {
		left = make(map[int]bool)
	}
	var kept []int
	for _, s := range plan(config.Operations) {
		if !left[s.id] {
			kept = append(kept, s.id)
		}
	}
	for part := max(1, len(kept)/2); ; part = max(1, part/2) {
		for from := 0; from < len(kept) && time.Now().Before(end); {
			to := min(len(kept), from+part)
			config.Left = maps.Clone(left)
			for _, id := range kept[from:to] {
				config.Left[id] = true
			}
			if out := Run(config); out.Failure != nil && out.Failure.Check == failure.Check {
				left = config.Left
				kept = append(append([]int(nil), kept[:from]...), kept[to:]...)
			} else {
				from = to
			}
		}
		if part == 1 || time.Now().After(end) {
			return left
		}
	}
}
