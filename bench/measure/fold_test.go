package measure

import (
	"math"
	"slices"
	"testing"
)

func TestFolds(t *testing.T) {
	for _, c := range []struct {
		fold   Fold
		values []float64
		want   float64
	}{
		{Median, []float64{7}, 7},
		{Median, []float64{9, 1, 5}, 5},
		{Median, []float64{9, 1, 5, 6}, 5.5},
		{Max, []float64{-9, -1, -5}, -1},
		{Sum, []float64{9, 1, 5}, 15},
	} {
		before := slices.Clone(c.values)
		if got := c.fold.Of(c.values); got != c.want {
			t.Errorf("%s of %v: %v, want %v", c.fold, c.values, got, c.want)
		}
		if !slices.Equal(before, c.values) {
			t.Errorf("%s changed its values to %v", c.fold, c.values)
		}
	}
	if !math.IsNaN(Median.Of(nil)) {
		t.Error("the median of nothing is a number")
	}
}
