package httpapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"lockd/api"
	"lockd/gate"
)

var texts = []string{"", "k", "a/b", `"quoted"`, `back\slash`, "é€😀", "\x7f", "\u0085", "\u2028\u2029", "<&>", "tab\tnul\x00", "broken\xff", "\xc3", "\xed\xa0\x80"}

func TestTextsAreAppendedAsEncodingJSONReadsThem(t *testing.T) {
	for _, s := range texts {
		var got, want string
		if err := json.Unmarshal(appendText(nil, s), &got); err != nil {
			t.Errorf("%q: %v", s, err)
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func FuzzTextsAreAppendedAsEncodingJSONReadsThem(f *testing.F) {
	for _, s := range texts {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got, want string
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(appendText(nil, s), &got); err != nil || got != want {
			t.Fatalf("%q: got %q, want %q, %v", s, got, want, err)
		}
	})
}

// same fails the test unless got is, byte for byte, what encoding/json makes of
// want.
func same(t *testing.T, got []byte, want any) {
	t.Helper()
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(want); err != nil {
		t.Fatal(err)
	}
	if text := bytes.TrimSpace(buf.Bytes()); !bytes.Equal(got, text) {
		t.Errorf("%s:\ngot  %s\nwant %s", reflect.TypeOf(want), got, text)
	}
}

func TestHandWrittenAnswersAreWhatEncodingJSONMakesOfTheTypes(t *testing.T) {
	id := gate.SessionID{Number: 10, Nonce: 0xabc}
	at := gate.Wall(1_700_000_000_120)
	when := time.UnixMilli(int64(at)).UTC()
	previous := &gate.Ending{Run: `the "last"`, End: gate.EndBroken}
	key := func(text string) gate.Name { return gate.Name{Kind: gate.Key, Text: text} }
	ref := func(text string) gate.Name { return gate.Name{Kind: gate.Reference, Text: text} }

	for _, at := range []gate.Wall{at, 1_700_000_000_000, 0} {
		when := time.UnixMilli(int64(at)).UTC()
		r := gate.Result{Run: "r", Grants: []gate.Grant{{Name: key("k"), Token: 7}}, At: at, Limit: 1}
		same(t, appendKeyAcquired(nil, &r), api.KeyAcquired{Result: api.Acquired, Key: "k", RunID: "r", Token: 7, AcquiredAt: when, Limit: 1})
	}
	r := gate.Result{Run: "r", Session: id, Reentrant: true, Grants: []gate.Grant{{Name: key(`k"`), Token: 1<<53 - 1, Previous: previous}}, At: at, Limit: 9}
	same(t, appendKeyAcquired(nil, &r), api.KeyAcquired{
		Result: api.Acquired, Key: `k"`, RunID: "r", Token: 1<<53 - 1, Session: id.String(), Reentrant: true, AcquiredAt: when, Limit: 9,
		Previous: &api.Previous{RunID: `the "last"`, End: api.WasBroken},
	})
	same(t, appendKeyReleased(nil, &r), api.KeyReleased{Result: api.Released, Key: `k"`, RunID: "r", Token: 1<<53 - 1})
	r.Grants[0].Token = 0
	same(t, appendKeyReleased(nil, &r), api.KeyReleased{Result: api.Released, Key: `k"`, RunID: "r"})

	locks := gate.Result{Run: "r", Session: id, At: at, Grants: []gate.Grant{
		{Name: ref("a/b"), Mode: gate.Shared, Scope: gate.Tree, Token: 1},
		{Name: ref("c"), Token: 2, Previous: previous},
	}}
	want := api.LockAcquired{Result: api.Acquired, RunID: "r", Session: id.String(), AcquiredAt: when, Locks: []api.LockGrant{
		{Ref: "a/b", Mode: api.Shared, Scope: api.Tree, Token: 1},
		{Ref: "c", Mode: api.Exclusive, Scope: api.Node, Token: 2, Previous: &api.Previous{RunID: `the "last"`, End: api.WasBroken}},
	}}
	same(t, appendLockAcquired(nil, &locks), want)
	same(t, appendLockReleased(nil, &locks), api.LockReleased{Result: api.Released, Refs: []string{"a/b", "c"}})
}

// filled returns a value whose fields, all the way down, are not empty.
func filled[T any]() (value T) {
	fill(reflect.ValueOf(&value).Elem())
	return value
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(`a"b`)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(-71)
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(72)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Struct:
		if at, ok := v.Addr().Interface().(*time.Time); ok {
			*at = time.UnixMilli(1_700_000_000_120).UTC()
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	default:
		panic("a field of kind " + v.Kind().String())
	}
}

// A field that is new in a type is missing here until it is written, too.
func TestHandWrittenStatesAndProblemsAreWhatEncodingJSONMakesOfTheTypes(t *testing.T) {
	for _, s := range []api.KeyState{
		{}, {Key: "k", Holders: []api.Hold{}, Waiters: []api.Wait{}}, {Key: "k", Holders: []api.Hold{{Token: 1}}, Waiters: []api.Wait{{}}},
		{Holders: []api.Hold{{RunID: "r"}, {Session: "s"}}, Waiters: []api.Wait{{BlockedBy: []string{}}}}, filled[api.KeyState](),
	} {
		same(t, appendKeyState(nil, &s), s)
	}
	for _, s := range []api.LockState{{}, filled[api.LockState]()} {
		same(t, appendLockState(nil, &s), s)
	}
	for _, c := range []api.Client{{}, {Name: "n"}, {Host: "h"}, {PID: 7}} {
		same(t, appendClient(nil, &c), c)
	}
	empty := api.Problem{Holders: []api.Hold{}, Conflicts: []api.Conflict{}, Refs: []string{}, Cycle: []string{}, Waiting: new(uint32), WaitedMS: new(int64)}
	for _, p := range []api.Problem{{}, empty, *api.NewProblem(api.CodeOccupied, "<held>"), filled[api.Problem]()} {
		b, status := appendProblem(nil, &p)
		same(t, b, p)
		if status != p.Status {
			t.Errorf("status %d of %+v", status, p)
		}
	}
}

func TestQueriesSurviveTheWayToTheLeader(t *testing.T) {
	q := query{op: askNames, kind: gate.Reference, text: "é/x", after: "b", max: 1000, number: 1<<53 - 1, nonce: 1<<64 - 1}
	got, ok := decodeQuery(q.encode())
	if !ok || got != q {
		t.Errorf("%+v, %v", got, ok)
	}
	if got, ok = decodeQuery(append(q.encode(), "of a newer version"...)); !ok || got != q {
		t.Errorf("%+v, %v", got, ok)
	}
	whole := q.encode()
	for n := range whole {
		if _, ok := decodeQuery(whole[:n]); ok {
			t.Errorf("%d of %d bytes were taken", n, len(whole))
		}
	}
}

func TestAQueryThatTheLeaderDoesNotKnowIsSaidToBe(t *testing.T) {
	answer := Answer(time.Now)
	view := gate.New().Snapshot()
	for _, asked := range [][]byte{nil, {99}, query{op: 99}.encode()} {
		if got := answer(view, 1, nil, asked); len(got) != 1 || got[0] != answerUnknownAsk {
			t.Errorf("%v: %q", asked, got)
		}
	}
}

func TestBlockersOfALongQueueAreCutToTheFirst(t *testing.T) {
	p := picture{now: time.Now()}
	var queue []gate.Waiter
	blockers := make([]string, 900)
	for i := range blockers {
		blockers[i] = "run"
	}
	for i := range 100 {
		queue = append(queue, gate.Waiter{Request: &gate.Request{Run: "r"}, Position: uint32(i + 1), BlockedBy: blockers})
	}
	queue = append(queue, gate.Waiter{Request: &gate.Request{Run: "free"}})
	named := 0
	list := p.waiters(queue)
	for _, w := range list {
		named += len(w.BlockedBy)
	}
	if len(list) != 101 || named > maxBlockers+100 || len(list[0].BlockedBy) != 900 || len(list[99].BlockedBy) != 1 || list[100].BlockedBy == nil {
		t.Errorf("%d waiters with %d blockers", len(list), named)
	}
}

// A node that takes a request up again at another leader may learn only that it is
// over: perhaps it was granted and lost in between. That is not a refusal like
// others, and must not look like one.
func TestARequestThatEndedOutOfSightIsToldAsWithdrawn(t *testing.T) {
	s := &Server{config: Config{Clock: time.Now}}
	acquire := &gate.Acquire{Run: "r", Wants: []gate.Want{{Name: gate.Name{Kind: gate.Key, Text: "k"}}}}
	for _, withdrawn := range []bool{true, false} {
		op := &operation{kind: gate.Key, command: &gate.Command{Op: acquire}}
		p := s.refusal(op, &gate.Result{Code: gate.Occupied, Run: "r", Withdrawn: withdrawn})
		if p.Code != api.CodeOccupied || p.Withdrawn != withdrawn || p.WaitedMS != nil {
			t.Errorf("withdrawn %v: %+v", withdrawn, p)
		}
	}
}
