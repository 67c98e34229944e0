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

// Replicas that differ in any field of a hold must be found.
func TestTheHashOfAHoldCoversEveryField(t *testing.T) {
	seen := make(map[uint64]int)
	for i, change := range []func(*Hold){
		func(*Hold) {},
		func(x *Hold) { x.Name.Kind = Key },
		func(x *Hold) { x.Name.Text = "b" },
		func(x *Hold) { x.Name.Text, x.Run = "ar", "un" },
		func(x *Hold) { x.Run, x.Reason = "r", "unwhy" },
		func(x *Hold) { x.Mode = Shared },
		func(x *Hold) { x.Scope = Tree },
		func(x *Hold) { x.Ended = EndBroken },
		func(x *Hold) { x.Limit = 2 },
		func(x *Hold) { x.Run = "ran" },
		func(x *Hold) { x.Session.Number = 9 },
		func(x *Hold) { x.Session.Nonce = 9 },
		func(x *Hold) { x.Token = 9 },
		func(x *Hold) { x.At = 9 },
		func(x *Hold) { x.Reason = "how" },
		func(x *Hold) { x.Client = &Client{Name: "ann"} },
		func(x *Hold) { x.Client = &Client{Name: "bob"} },
		func(x *Hold) { x.Client = nil },
		func(x *Hold) { x.Request = 9 },
		func(x *Hold) { x.Delay = 9 },
	} {
		ofSession := &Client{Name: "eve"}
		x := Hold{
			Name: Name{Reference, "a"}, Run: "run", Session: SessionID{3, 4}, Token: 5, At: 6, Reason: "why", Client: ofSession,
		}
		change(&x)
		h := stored(&x, &Session{ID: x.Session, Client: ofSession})
		hash := hashHold(h, h.sessionID())
		if same, found := seen[hash]; found {
			t.Errorf("changes %d and %d make one hash", same, i)
		}
		seen[hash] = i
	}
}
