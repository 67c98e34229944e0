package gate

import (
	"reflect"
	"testing"
	"unsafe"
)

func TestAHoldTakesOneCacheLine(t *testing.T) {
	if size := unsafe.Sizeof(hold{}); size > 64 {
		t.Errorf("a hold takes %d bytes", size)
	}
}

// TestAStoredHoldIsShownAsItWas stores holds with and without each rare field, in
// sessions with the same client, another one and none.
func TestAStoredHoldIsShownAsItWas(t *testing.T) {
	ann, bob := Client{Name: "ann", Host: "a", PID: 1}, Client{Name: "bob"}
	alike := ann
	sessions := []*Session{nil, {ID: SessionID{3, 4}}, {ID: SessionID{5, 6}, Client: &ann}}
	plain := Hold{Name: Name{Reference, "a/b"}, Mode: Shared, Scope: Tree, Run: "run", Token: 7, At: 8}
	key := Hold{Name: Name{Key, "k"}, Mode: Shared, Run: "run", Token: 9, At: -1, Limit: MaxLimit, Reason: "why", Request: 11}
	delay := Hold{Name: Name{Reference, "a"}, Token: 12, Reason: "why", Ended: EndBroken, Delay: MaxLockDelay}
	for _, x := range []Hold{plain, key, delay} {
		for _, client := range []*Client{nil, &ann, &alike, &bob} {
			for _, session := range sessions {
				x.Client, x.Session = client, SessionID{}
				if session != nil {
					x.Session = session.ID
				}
				if got := stored(&x, session).full(); !reflect.DeepEqual(got, x) {
					t.Errorf("%+v is shown as %+v", x, got)
				}
			}
		}
	}
}
