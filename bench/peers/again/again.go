package again

import (
	"context"
	"fmt"
	"time"

	"lockd/bench/system"
)

const (
	// patience bounds how long one call is repeated before it fails.
	patience = 30 * time.Second
	// firstPause and longestPause bound the pause before a call is repeated; it
	// doubles each time.
	firstPause   = 2 * time.Millisecond
	longestPause = 100 * time.Millisecond
)

// Verdict is what a failure means for its call.
type Verdict int

// The verdicts: the error is the outcome; the call had no effect; it may have
// had one; the connection broke, with the same doubt.
const (
	Final Verdict = iota
	Refused
	Unknown
	Cut
)

// Until calls attempt until it succeeds or fails for good, counts what was made
// good, and gives up after half a minute. unsure says that an earlier attempt
// may have taken effect.
func Until(ctx context.Context, troubles *system.Troubles, judge func(error) Verdict, attempt func(ctx context.Context) error) (unsure bool, err error) {
	pause := firstPause
	for deadline := time.Now().Add(patience); ; {
		err := attempt(ctx)
		if err == nil {
			return unsure, nil
		}
		if ctx.Err() != nil {
			return unsure, ctx.Err()
		}
		switch judge(err) {
		case Final:
			return unsure, err
		case Refused:
			troubles.Refused++
		case Unknown:
			troubles.Refused++
			troubles.Unknown++
			unsure = true
		case Cut:
			troubles.Cut++
			unsure = true
		}
		if time.Now().After(deadline) {
			return unsure, fmt.Errorf("gave up after %v: %w", patience, err)
		}
		select {
		case <-ctx.Done():
			return unsure, ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		}
	}
}
