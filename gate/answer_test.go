package gate

import (
	"reflect"
	"testing"
)

// TestARepeatIsToldTheSame repeats commands of which a book keeps the hold only,
// also at times before 1970, to which a clock may be set.
func TestARepeatIsToldTheSame(t *testing.T) {
	for _, now := range []Wall{-5, 0, 5} {
		table := New()
		ann := Client{Name: "ann"}
		id := table.Apply(&Command{Op: &OpenSession{TTL: MinTTL, Client: ann, Nonce: 1}}, now).Result.Session
		key := Name{Key, "k"}
		acquire := &Acquire{Run: "r", Wants: []Want{{Name: key}}, Limit: 3, Reason: "why"}
		ops := []Op{acquire, acquire, &Release{Run: "r", Gives: []Give{{Name: key}}}, acquire}
		for i, op := range ops {
			cmd := &Command{Session: id, Seq: uint64(i + 1), Op: op}
			first := table.Apply(cmd, now)
			if again := table.Apply(cmd, now+1).Result; !reflect.DeepEqual(again, first.Result) {
				t.Errorf("seq %d at %d: %+v, and then %+v", cmd.Seq, now, first.Result, again)
			}
		}
		if err := table.Check(); err != nil {
			t.Error(err)
		}
	}
}
