package measure

import (
	"math"
	"slices"
)

// Fold makes one figure of those of several rounds.
type Fold string

// The folds. Of no values, each is not a number.
const (
	Median Fold = "median"
	Max    Fold = "max"
	Sum    Fold = "sum"
)

// Of folds values, which it leaves as they are. The median of an even number of
// values is the mean of the two in the middle.
func (f Fold) Of(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	switch f {
	case Median:
		sorted := slices.Sorted(slices.Values(values))
		half := len(sorted) / 2
		if len(sorted)%2 == 1 {
			return sorted[half]
		}
		return (sorted[half-1] + sorted[half]) / 2
	case Max:
		return slices.Max(values)
	case Sum:
		sum := 0.0
		for _, v := range values {
			sum += v
		}
		return sum
	}
	panic("measure: no fold is called " + string(f))
}
