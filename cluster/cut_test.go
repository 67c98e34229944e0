package cluster

import (
	"slices"
	"testing"

	"github.com/hashicorp/raft"
)

// cutsSeen is a log that notes how it is cut.
type cutsSeen struct {
	*raft.InmemStore
	cuts [][2]uint64
}

func (c *cutsSeen) DeleteRange(from, to uint64) error {
	c.cuts = append(c.cuts, [2]uint64{from, to})
	return c.InmemStore.DeleteRange(from, to)
}

func TestTheLogIsCutInSmallStepsAtItsFrontAndAtOnceAtItsEnd(t *testing.T) {
	const last = 3*maxCutEntries + 100
	for name, c := range map[string]struct {
		from, to uint64
		cuts     [][2]uint64
	}{
		"front": {1, 2*maxCutEntries + 7, [][2]uint64{
			{1, maxCutEntries}, {maxCutEntries + 1, 2 * maxCutEntries}, {2*maxCutEntries + 1, 2*maxCutEntries + 7},
		}},
		"one step":     {1, maxCutEntries, [][2]uint64{{1, maxCutEntries}}},
		"one and one":  {1, maxCutEntries + 1, [][2]uint64{{1, maxCutEntries}, {maxCutEntries + 1, maxCutEntries + 1}}},
		"end":          {5, last, [][2]uint64{{5, last}}},
		"all there is": {1, last, [][2]uint64{{1, last}}},
	} {
		store := &cutsSeen{InmemStore: raft.NewInmemStore()}
		log := &guardedLog{LogStore: store, dog: &watchdog{limit: DefaultTiming().StuckWrite, logger: DefaultConfig().Logger}}
		for i := uint64(1); i <= last; i++ {
			if err := store.StoreLog(&raft.Log{Index: i}); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.DeleteRange(c.from, c.to); err != nil || !slices.Equal(store.cuts, c.cuts) {
			t.Errorf("%s: %v, cut %v, want %v", name, err, store.cuts, c.cuts)
		}
	}
}
