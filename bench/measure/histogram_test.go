package measure

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestAQuantileIsTheExactOneWithinOnePercent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 3, 10, 99, 100, 101, 5000} {
		var h Histogram
		exact := make([]time.Duration, n)
		for i := range exact {
			exact[i] = time.Duration(math.Exp(random.Float64() * 28))
			h.Record(exact[i])
		}
		slices.Sort(exact)
		for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999, 1} {
			want := exact[max(int(math.Ceil(q*float64(n)))-1, 0)]
			got := h.Quantile(q)
			if got < want || float64(got) > float64(want)*1.01 {
				t.Errorf("n %d, q %v: %v, the exact one is %v", n, q, got, want)
			}
		}
		if h.Count() != uint64(n) || h.Max() != exact[n-1] {
			t.Errorf("n %d: count %d, max %v; want max %v", n, h.Count(), h.Max(), exact[n-1])
		}
	}
}

func TestShortDurationsAreCountedExactly(t *testing.T) {
	for d := range time.Duration(2 * slots) {
		if got := longest(slot(d)); got != d {
			t.Errorf("%d is counted as %d", d, got)
		}
	}
}

func TestSlotsAreInOrderAndLeaveNoGap(t *testing.T) {
	for i := range slot(maxLatency) {
		if next := slot(longest(i) + 1); next != i+1 {
			t.Fatalf("slot %d ends at %v, and what follows is in slot %d", i, longest(i), next)
		}
	}
}

func TestDurationsOutOfRangeAreKeptAtItsEnds(t *testing.T) {
	var h Histogram
	h.Record(-time.Second)
	h.Record(2 * maxLatency)
	if low, high := h.Quantile(0.5), h.Quantile(1); low != 0 || high != maxLatency {
		t.Errorf("from %v to %v, want 0 to %v", low, high, maxLatency)
	}
}

func TestMergedHistogramsAreAsOne(t *testing.T) {
	var one, other, both, empty Histogram
	for i := range 1000 {
		d := time.Duration(i*i) * time.Microsecond
		both.Record(d)
		if i%3 == 0 {
			one.Record(d)
		} else {
			other.Record(d)
		}
	}
	var merged Histogram
	for _, h := range []*Histogram{&empty, &one, &other, &empty} {
		merged.Merge(h)
	}
	if !slices.Equal(merged.counts, both.counts) || merged.total != both.total || merged.max != both.max {
		t.Errorf("%d durations up to %v, want %d up to %v", merged.total, merged.max, both.total, both.max)
	}
}

func TestAnEmptyHistogramHasNoQuantile(t *testing.T) {
	var h Histogram
	if h.Quantile(0.99) != 0 || h.Max() != 0 || h.Count() != 0 {
		t.Error("an empty histogram is not all zero")
	}
}
