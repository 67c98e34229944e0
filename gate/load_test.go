package gate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func numbered(items []int) (entries []entry[int]) {
	for _, item := range items {
		entries = append(entries, entry[int]{uint64(item), item})
	}
	return entries
}

func noKey(int) none { return none{} }

func TestABuiltTreeIsAsSoundAsOneThatGrew(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 1))
	for n := 0; n < 200_000; n += 1 + n/7 {
		items := make([]int, n)
		for i := range items {
			items[i] = 2 * i
		}
		mixed := slices.Clone(items)
		random.Shuffle(n, func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		x := numbersTree()
		if !x.build(numbered(mixed), noKey) {
			t.Fatalf("%d different items are said not to be", n)
		}
		soundTree(t, x)
		if !slices.Equal(itemsOf(x), items) {
			t.Fatalf("%d items are not those that were given", n)
		}
		version := x.Copy()
		for range 100 {
			item := random.IntN(2*n + 2)
			x.Set(uint64(item), none{}, item)
			x.Delete(random.Uint64N(uint64(2*n+2)), none{})
		}
		soundTree(t, x)
		if !slices.Equal(itemsOf(version), items) {
			t.Fatalf("a version of %d items was changed", n)
		}
	}
}

func TestATreeIsNotBuiltOfEqualItems(t *testing.T) {
	for _, items := range [][]int{{1, 1}, {1, 2, 2, 3}, {2, 1, 2}} {
		if x := numbersTree(); x.build(numbered(items), noKey) || x.Len() != 0 {
			t.Errorf("%v: %d items", items, x.Len())
		}
	}
}

// load returns the table of the holds, after each of them in a different order.
func load(t *testing.T, holds ...*Hold) (*Table, error) {
	t.Helper()
	random := rand.New(rand.NewPCG(5, uint64(len(holds))))
	var table *Table
	for range 4 {
		l := NewLoader(Counters{Token: 99, Number: 9})
		l.Session(&Session{ID: SessionID{Number: 3, Nonce: 4}})
		for _, h := range holds {
			l.Hold(h)
		}
		loaded, err := l.Table()
		if err != nil {
			return nil, err
		}
		if err := loaded.Check(); err != nil {
			t.Fatalf("the table passed for sound: %v", err)
		}
		if table != nil && table.Snapshot().Hash() != loaded.Snapshot().Hash() {
			t.Fatal("the order of the holds matters")
		}
		table = loaded
		holds = slices.Clone(holds)
		random.Shuffle(len(holds), func(i, j int) { holds[i], holds[j] = holds[j], holds[i] })
	}
	return table, nil
}

var sessionOfHolds = SessionID{Number: 3, Nonce: 4}

func held(text, run string, mode Mode, scope Scope, token uint64) *Hold {
	h := &Hold{Name: Name{Reference, text}, Run: run, Mode: mode, Scope: scope, Token: token, Session: sessionOfHolds}
	if run == "" {
		h.Session, h.Ended = SessionID{}, EndExpired
	}
	return h
}

func heldKey(text, run string, limit uint32, token uint64) *Hold {
	h := held(text, run, keyMode(limit), Node, token)
	h.Name.Kind, h.Limit = Key, limit
	return h
}

func TestHoldsThatDoNotMeetAreLoaded(t *testing.T) {
	for what, holds := range map[string][]*Hold{
		"none":                                  nil,
		"keys":                                  {heldKey("a", "r1", 1, 1), heldKey("b", "r2", 1, 2), heldKey("c", "r1", 1, 3)},
		"a semaphore":                           {heldKey("a", "r1", 3, 1), heldKey("a", "r2", 3, 2), heldKey("a", "", 3, 3), heldKey("b", "r1", 1, 4)},
		"both kinds":                            {heldKey("a", "r1", 1, 1), held("a", "r2", Exclusive, Tree, 2)},
		"shared":                                {held("a", "r1", Shared, Tree, 1), held("a/b", "r2", Shared, Node, 2), held("a/b", "r3", Shared, Tree, 3)},
		"below a node":                          {held("a", "r1", Exclusive, Node, 1), held("a/b", "r2", Exclusive, Tree, 2)},
		"one run":                               {held("a", "r1", Exclusive, Tree, 1), held("a/b", "r1", Exclusive, Node, 2)},
		"lock delays":                           {held("a", "", Exclusive, Node, 1), held("b", "", Exclusive, Node, 2), held("c", "r1", Exclusive, Node, 3)},
		"a lock delay below what its run holds": {held("a", "r1", Exclusive, Tree, 1), held("a/b", "", Exclusive, Node, 2)},
	} {
		table, err := load(t, holds...)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if n := slices.Collect(table.Snapshot().AllHolds()); len(n) != len(holds) {
			t.Errorf("%s: %d holds of %d", what, len(n), len(holds))
		}
	}
}

func TestHoldsThatCannotStandTogetherAreNotLoaded(t *testing.T) {
	stranger := heldKey("a", "r1", 1, 1)
	stranger.Session = SessionID{Number: 3, Nonce: 5}
	for what, holds := range map[string][]*Hold{
		"one key":                      {heldKey("a", "r1", 1, 1), heldKey("a", "r2", 1, 2)},
		"one run twice":                {heldKey("a", "r1", 3, 1), heldKey("a", "r1", 3, 2)},
		"one token":                    {heldKey("a", "r1", 1, 1), heldKey("b", "r1", 1, 1)},
		"one token on one name":        {heldKey("a", "r1", 3, 1), heldKey("a", "r2", 3, 1)},
		"a token to come":              {heldKey("a", "r1", 1, 100)},
		"above the limit":              {heldKey("a", "r1", 2, 1), heldKey("a", "r2", 2, 2), heldKey("a", "r3", 2, 3)},
		"two limits":                   {heldKey("a", "r1", 2, 1), heldKey("a", "r2", 3, 2)},
		"a limit of one and of more":   {heldKey("a", "r1", 1, 1), heldKey("a", "r2", 3, 2)},
		"exclusive here":               {held("a", "r1", Exclusive, Node, 1), held("a", "r2", Exclusive, Node, 2)},
		"exclusive and shared":         {held("a", "r1", Exclusive, Node, 1), held("a", "r2", Shared, Node, 2)},
		"exclusive tree above":         {held("a", "r1", Exclusive, Tree, 1), held("a/b/c", "r2", Shared, Node, 2)},
		"exclusive below":              {held("a", "r1", Shared, Tree, 1), held("a/b/c", "r2", Exclusive, Node, 2)},
		"trees":                        {held("a", "r1", Exclusive, Tree, 1), held("a/b", "r2", Exclusive, Tree, 2)},
		"a lock delay over two runs":   {held("a", "", Exclusive, Tree, 1), held("a/b", "r1", Shared, Node, 2), held("a/c", "r2", Shared, Node, 3)},
		"a shared lock delay over two": {held("a", "", Shared, Tree, 1), held("a/b", "r1", Exclusive, Node, 2), held("a/c", "r2", Exclusive, Node, 3)},
		"another's session":            {stranger},
		"a name too long to store":     {held(strings.Repeat("a", 1<<16), "r1", Exclusive, Node, 1)},
		"a run too long to store":      {held("a", strings.Repeat("r", 1<<16), Exclusive, Node, 1)},
		"a limit too high to store":    {heldKey("a", "r1", 1<<16+1, 1)},
	} {
		if _, err := load(t, holds...); err == nil {
			t.Errorf("%s: loaded", what)
		}
	}
}

func TestCheckFindsWhereTheOrdersDiffer(t *testing.T) {
	for what, corrupt := range map[string]func(*Table, *hold){
		"a hold that its run lacks":       func(t *Table, h *hold) { t.runHolds.remove(h) },
		"a hold that the cover lacks":     func(t *Table, h *hold) { t.holds[Reference].remove(h.strength(), h) },
		"a hold that its session lacks":   func(t *Table, _ *hold) { t.sessionHolds.Delete(3, 1) },
		"a hold that is a lock delay too": func(t *Table, h *hold) { t.delays.Set(h.token, none{}, h) },
		"another hold under the run": func(t *Table, h *hold) {
			other := *h
			other.token = 50
			t.runHolds.remove(h)
			t.runHolds.add(&other)
		},
		"another hash": func(t *Table, _ *hold) { t.hash++ },
	} {
		table, err := load(t, held("a", "r1", Exclusive, Node, 1), held("b", "r2", Exclusive, Node, 2))
		if err != nil {
			t.Fatal(err)
		}
		if err := table.Check(); err != nil {
			t.Fatal(err)
		}
		if corrupt(table, table.own("r1", Name{Reference, "a"})); table.Check() == nil {
			t.Errorf("%s: not found", what)
		}
	}
}

func TestHoldsAreLoadedBeforeTheirSessions(t *testing.T) {
	l := NewLoader(Counters{Token: 9, Number: 9})
	x := *held("a", "r1", Exclusive, Node, 1)
	l.Hold(&x)
	x = *held("b", "r2", Exclusive, Node, 2)
	l.Session(&Session{ID: sessionOfHolds, Client: &Client{Name: "ann"}})
	l.Hold(&x)
	table, err := l.Table()
	if err != nil {
		t.Fatal(err)
	}
	for text, run := range map[string]string{"a": "r1", "b": "r2"} {
		found := table.Snapshot().Lock(Name{Reference, text}).Holders
		if len(found) != 1 || found[0].Run != run || found[0].Session != sessionOfHolds || found[0].Client != nil {
			t.Errorf("%s: %+v", text, found)
		}
	}
}

func TestALoadedTableFindsEveryName(t *testing.T) {
	var holds []*Hold
	for i := range 5000 {
		text := fmt.Sprintf("a/tenant/%s/%d", []string{"x", "y/z", "a rather long one"}[i%3], i*7919%5003)
		holds = append(holds, held(text, fmt.Sprint("r", i%7), Exclusive, Node, uint64(i+1)))
	}
	l := NewLoader(Counters{Token: 5000, Number: 9})
	l.Session(&Session{ID: sessionOfHolds})
	for _, h := range holds {
		l.Hold(h)
	}
	table, err := l.Table()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range holds {
		if found := table.Snapshot().Lock(h.Name).Holders; len(found) != 1 || found[0].Token != h.Token {
			t.Fatalf("%v: %+v", h.Name, found)
		}
		give := &Release{Run: h.Run, Gives: []Give{{Name: h.Name, Token: h.Token}}}
		if got := table.Apply(&Command{Op: give}, 1).Result.Code; got != Released {
			t.Fatalf("%v: code %d", h.Name, got)
		}
	}
	if n := table.Snapshot().Size().Holds; n != 0 {
		t.Errorf("%d holds are left", n)
	}
	if err := table.Check(); err != nil {
		t.Error(err)
	}
}

func TestRecordsThatNoTableHasAreNotLoaded(t *testing.T) {
	name := Name{Key, "k"}
	endings := func(n int) func(*Loader) {
		return func(l *Loader) {
			for i := range n {
				l.Ending(&Ending{Name: name, Run: "r", End: EndReleased, Order: uint64(i + 1), Token: 1})
			}
		}
	}
	answer := func(seq uint64) func(*Loader) {
		return func(l *Loader) {
			l.Ledger(&Ledger{Session: 3, Answers: 1})
			l.Answer(&SeqAnswer{Session: 3, Seq: seq, Result: &Result{Code: Occupied}})
		}
	}
	for what, x := range map[string]struct {
		add    func(*Loader)
		loaded bool
	}{
		"a full history":         {endings(MaxHistory), true},
		"more than a history":    {endings(MaxHistory + 1), false},
		"an answer":              {answer(1), true},
		"an answer to no seq":    {answer(0), false},
		"an ending far too long": {func(l *Loader) { l.Ending(&Ending{Name: Name{Key, strings.Repeat("k", 1<<16)}, Order: 1}) }, false},
	} {
		l := NewLoader(Counters{Number: 9, Token: 9, Ending: MaxHistory + 1})
		l.Session(&Session{ID: sessionOfHolds})
		x.add(l)
		if _, err := l.Table(); (err == nil) != x.loaded {
			t.Errorf("%s: %v", what, err)
		}
	}
}
