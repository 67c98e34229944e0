package sim

import "time"

// dice is a source of choices (SplitMix64). It is a word, so that every call,
// lane and node has its own: leaving one out changes nothing for the others.
type dice uint64

// newDice returns dice that depend on all the parts.
func newDice(parts ...uint64) dice {
	d := dice(0x9e3779b97f4a7c15)
	for _, p := range parts {
		d = dice(d.roll() ^ p)
	}
	return dice(d.roll())
}

func (d *dice) roll() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// n returns one of 0 to k-1.
func (d *dice) n(k int) int { return int(d.roll() % uint64(k)) }

// chance is true so many times in a thousand.
func (d *dice) chance(perMille int) bool { return d.n(1000) < perMille }

// between returns a duration from lo to hi.
func (d *dice) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(d.roll()%uint64(hi-lo+1))
}

// pick returns an index, each as often as its weight says.
func (d *dice) pick(weights ...int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	at := d.n(total)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return 0
}
