package measure

import (
	"math"
	"math/bits"
	"time"
)

// The layout of a Histogram: every power of two is split into slots, hence a
// relative error of at most 1/slots.
const (
	slotBits = 7
	slots    = 1 << slotBits
	// maxLatency is the longest duration that is told from a longer one.
	maxLatency = time.Hour
)

// Histogram counts durations. A quantile that it returns is never below the
// exact one, and above it by less than 1 %. The zero value is empty and ready;
// one goroutine may use it at a time.
type Histogram struct {
	counts []uint32
	total  uint64
	max    time.Duration
}

// Record counts one duration; a negative one counts as zero.
func (h *Histogram) Record(d time.Duration) {
	d = min(max(d, 0), maxLatency)
	if h.counts == nil {
		h.counts = make([]uint32, slot(maxLatency)+1)
	}
	h.counts[slot(d)]++
	h.total++
	h.max = max(h.max, d)
}

// Merge adds what other has counted.
func (h *Histogram) Merge(other *Histogram) {
	if other.total == 0 {
		return
	}
	if h.counts == nil {
		h.counts = make([]uint32, len(other.counts))
	}
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.max = max(h.max, other.max)
}

// Count returns how many durations were recorded.
func (h *Histogram) Count() uint64 { return h.total }

// Max returns the longest duration recorded; zero if there is none.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns the duration that a share q (0 to 1) of those recorded does
// not exceed: the nearest rank. Zero if nothing was recorded.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	rank := uint64(math.Ceil(min(max(q, 0), 1) * float64(h.total)))
	rank = max(rank, 1)
	var seen uint64
	for i, n := range h.counts {
		if seen += uint64(n); seen >= rank {
			return min(longest(i), h.max)
		}
	}
	return h.max
}

// slot is the place of d among the counts: the leading slotBits+1 bits of d,
// below the number of bits that are dropped behind them.
func slot(d time.Duration) int {
	v := uint64(d)
	shift := max(bits.Len64(v)-slotBits-1, 0)
	return shift<<slotBits + int(v>>shift)
}

// longest is the longest duration that is counted in slot i.
func longest(i int) time.Duration {
	shift := max(i>>slotBits-1, 0)
	return time.Duration((i-shift<<slotBits+1)<<shift - 1)
}
