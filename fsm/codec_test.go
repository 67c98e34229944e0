package fsm

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"lockd/gate"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"
)

// anything generates values of T with every field, the unexported none, drawn
// at random. Enumerations stay in range and slices are nil when empty.
func anything[T any]() *rapid.Generator[T] {
	one := func(most uint8) *rapid.Generator[uint8] { return rapid.Uint8Range(0, most) }
	return rapid.MakeCustom[T](rapid.MakeConfig{
		Types: map[reflect.Type]*rapid.Generator[any]{
			reflect.TypeFor[gate.Mode]():   rapid.Map(one(1), func(x uint8) any { return gate.Mode(x) }),
			reflect.TypeFor[gate.Scope]():  rapid.Map(one(1), func(x uint8) any { return gate.Scope(x) }),
			reflect.TypeFor[gate.Kind]():   rapid.Map(one(1), func(x uint8) any { return gate.Key + gate.Kind(x) }),
			reflect.TypeFor[gate.End]():    rapid.Map(one(5), func(x uint8) any { return gate.End(x) }),
			reflect.TypeFor[gate.Op]():     rapid.Map(anyOp(), func(x gate.Op) any { return x }),
			reflect.TypeFor[[]gate.Want](): some[gate.Want](),
			reflect.TypeFor[[]gate.Give](): some[gate.Give](),
		},
	})
}

// some generates slices with at least one element.
func some[T any]() *rapid.Generator[any] {
	return rapid.Deferred(func() *rapid.Generator[any] {
		return rapid.Map(rapid.SliceOfN(anything[T](), 1, 5), func(x []T) any { return x })
	})
}

func anyOp() *rapid.Generator[gate.Op] {
	return rapid.OneOf(
		op[gate.Acquire](), op[gate.Release](), op[gate.Downgrade](), op[gate.Break](), op[gate.OpenSession](),
		op[gate.CloseSession](), op[gate.ReleaseRun](), op[gate.StartTerm](), op[gate.Expire](),
	)
}

func op[T any, P interface {
	*T
	gate.Op
}]() *rapid.Generator[gate.Op] {
	return rapid.Custom(func(t *rapid.T) gate.Op {
		x := anything[T]().Draw(t, "op")
		return P(&x)
	})
}

// bare sets every empty slice inside x to nil: the wire does not tell them apart.
func bare(x reflect.Value) {
	switch x.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !x.IsNil() {
			bare(x.Elem())
		}
	case reflect.Struct:
		for i := range x.NumField() {
			bare(x.Field(i))
		}
	case reflect.Slice:
		if x.Len() == 0 && x.CanSet() {
			x.SetZero()
		}
		for i := range x.Len() {
			bare(x.Index(i))
		}
	}
}

// table carries one T as a message.
type table[T any] func(c *coder, num protowire.Number, x *T)

func encode[T any](fields table[T], x *T) []byte {
	c := encoder(nil)
	fields(&c, 0, x)
	return c.b
}

func decode[T any](fields table[T], b []byte) (*T, error) {
	c, x := decoder(b), new(T)
	fields(&c, 0, x)
	return x, c.err
}

func same[T any](t interface{ Fatalf(string, ...any) }, got, want *T) {
	bare(reflect.ValueOf(want))
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("decoded  %#v\nencoded  %#v", got, want)
	}
}

func checkRoundTrip[T any](t *testing.T, what string, fields table[T]) {
	t.Run(what, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			x := anything[T]().Draw(t, what)
			got, err := decode(fields, encode(fields, &x))
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, &x)
		})
	})
}

func TestEveryMessageSurvivesEncoding(t *testing.T) {
	checkRoundTrip(t, "result", (*coder).result)
	checkRoundTrip(t, "counters", (*coder).counters)
	checkRoundTrip(t, "session", (*coder).session)
	checkRoundTrip(t, "ledger", (*coder).ledger)
	checkRoundTrip(t, "answer", (*coder).answer)
	checkRoundTrip(t, "hold", (*coder).hold)
	checkRoundTrip(t, "request", (*coder).request)
	checkRoundTrip(t, "ending", (*coder).ending)
}

func TestEveryCommandSurvivesEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := anything[gate.Command]().Draw(t, "command")
		got, err := DecodeCommand(AppendCommand(nil, &x))
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, &x)
	})
}

func TestEveryBatchSurvivesEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := anything[Batch]().Draw(t, "batch")
		got, err := DecodeBatch(AppendBatch(nil, &x))
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Commands) != len(x.Commands) || got.Time != x.Time {
			t.Fatalf("decoded %v, encoded %v", got, x)
		}
		for i := range got.Commands {
			if string(got.Commands[i]) != string(x.Commands[i]) {
				t.Fatalf("command %d: decoded %x, encoded %x", i, got.Commands[i], x.Commands[i])
			}
		}
	})
}

func TestAppendKeepsWhatTheBufferHolds(t *testing.T) {
	x := &gate.Command{Op: &gate.ReleaseRun{Run: "r"}}
	for _, b := range [][]byte{
		AppendCommand([]byte("before"), x),
		AppendResult([]byte("before"), &gate.Result{Code: gate.Released}),
		AppendBatch([]byte("before"), &Batch{Time: 1}),
	} {
		if string(b[:6]) != "before" {
			t.Errorf("buffer begins %q", b[:6])
		}
	}
	if _, err := DecodeCommand(AppendCommand([]byte("before"), x)[6:]); err != nil {
		t.Error(err)
	}
}

// A long body makes room for a longer length at each level.
func TestLongMessagesGetLongLengths(t *testing.T) {
	for _, n := range []int{1, 126, 127, 128, 129, 16_383, 16_384, 70_000} {
		x := gate.Result{Code: gate.Occupied, Conflicts: []gate.Conflict{{Holders: []gate.Hold{{Name: key("k"), Run: string(make([]byte, n))}}}}}
		got, err := DecodeResult(AppendResult(nil, &x))
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		same(t, got, &x)
	}
}

func TestDecodedCommandKeepsNothingOfItsBytes(t *testing.T) {
	for _, reason := range []string{"short", string(make([]byte, 2*sharedTextBytes))} {
		want := &gate.Command{Op: &gate.Acquire{Run: "run", Wants: []gate.Want{{Name: gate.Name{Kind: gate.Key, Text: "key"}}}, Reason: reason}}
		b := AppendCommand(nil, want)
		got, err := DecodeCommand(b)
		if err != nil {
			t.Fatal(err)
		}
		clear(b)
		same(t, got, want)
	}
}

// Whoever keeps one name of many must not keep the bytes of them all.
func TestStringsOfALongCommandAreKeptOneByOne(t *testing.T) {
	decodes := func(wants int) float64 {
		op := &gate.Acquire{Run: "run"}
		for i := range wants {
			op.Wants = append(op.Wants, gate.Want{Name: ref(fmt.Sprintf("a-rather-long-reference/%d", i))})
		}
		b := AppendCommand(nil, &gate.Command{Op: op})
		return testing.AllocsPerRun(100, func() { _, _ = DecodeCommand(b) })
	}
	if short, long := decodes(10), decodes(gate.MaxWants); short > 5 || long < gate.MaxWants {
		t.Errorf("allocations of a short command: %v, of a long one: %v", short, long)
	}
}

// body returns a command's encoding without its version byte.
func body(x *gate.Command) []byte { return AppendCommand(nil, x)[1:] }

func command(body ...byte) []byte { return append([]byte{commandVersion}, body...) }

func TestUnknownFieldsAreSkipped(t *testing.T) {
	want := &gate.Command{Seq: 3, Done: []uint64{4, 9}, Op: &gate.Release{Run: "r", Gives: []gate.Give{{Name: key("k"), Token: 5}}}}
	varint := protowire.AppendVarint(protowire.AppendTag(nil, 15, protowire.VarintType), 1<<40)
	bytes := protowire.AppendString(protowire.AppendTag(nil, 14, protowire.BytesType), "text")
	fixed64 := protowire.AppendFixed64(protowire.AppendTag(nil, 13, protowire.Fixed64Type), 1)
	fixed32 := protowire.AppendFixed32(protowire.AppendTag(nil, 12, protowire.Fixed32Type), 1)
	unknown := append(append(append(append([]byte{}, varint...), bytes...), fixed64...), fixed32...)

	for what, b := range map[string][]byte{
		"before": append(append([]byte{}, unknown...), body(want)...),
		"after":  append(body(want), unknown...),
	} {
		got, err := DecodeCommand(command(b...))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		same(t, got, want)
	}
}

func TestFieldsMayComeInAnyOrder(t *testing.T) {
	b := protowire.AppendTag(nil, 17, protowire.BytesType)
	release := protowire.AppendTag(nil, 2, protowire.BytesType)
	release = protowire.AppendBytes(release, []byte{0x10, 7, 0x0a, 5, 0x12, 1, 'k', 0x08, 1})
	release = protowire.AppendString(protowire.AppendTag(release, 1, protowire.BytesType), "r")
	release = protowire.AppendBytes(protowire.AppendTag(release, 2, protowire.BytesType), []byte{0x0a, 5, 0x08, 1, 0x12, 1, 'k', 0x10, 8})
	b = protowire.AppendBytes(b, release)
	b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), 9)

	got, err := DecodeCommand(command(b...))
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, &gate.Command{Seq: 9, Op: &gate.Release{Run: "r", Gives: []gate.Give{{Name: key("k"), Token: 7}, {Name: key("k"), Token: 8}}}})
}

func TestWhatANewerNodeWroteIsRefusedAsNewer(t *testing.T) {
	good := AppendCommand(nil, &gate.Command{Op: &gate.CloseSession{}})
	newer := append([]byte{commandVersion + 1}, good[1:]...)
	mode := protowire.AppendTag(nil, 18, protowire.BytesType)
	mode = protowire.AppendBytes(mode, []byte{4 << 3, byte(gate.Shared) + 1})

	for what, b := range map[string][]byte{
		"version":            newer,
		"operation":          command(protowire.AppendBytes(protowire.AppendTag(nil, 25, protowire.BytesType), nil)...),
		"far operation":      command(protowire.AppendBytes(protowire.AppendTag(nil, 1<<20, protowire.BytesType), nil)...),
		"second operation":   append(good, protowire.AppendBytes(protowire.AppendTag(nil, 99, protowire.BytesType), nil)...),
		"value of an option": command(mode...),
	} {
		if _, err := DecodeCommand(b); !errors.Is(err, ErrNewer) {
			t.Errorf("%s: error is %v", what, err)
		}
	}
	if _, err := DecodeBatch([]byte{batchVersion + 1}); !errors.Is(err, ErrNewer) {
		t.Errorf("batch: error is %v", err)
	}
	if _, err := DecodeResult([]byte{resultVersion + 1}); !errors.Is(err, ErrNewer) {
		t.Errorf("result: error is %v", err)
	}
}

func TestDamagedCommandsAreRefused(t *testing.T) {
	close1 := body(&gate.Command{Op: &gate.CloseSession{}})
	for what, b := range map[string][]byte{
		"nothing":                   nil,
		"version zero":              {0},
		"no operation":              command(),
		"two operations":            command(append(close1, close1...)...),
		"wrong wire type":           command(append([]byte{2<<3 | 2, 0}, close1...)...),
		"length beyond end":         command(17<<3&0x7f|2|0x80, 1, 9),
		"length beyond its message": command(append(protowire.AppendTag(nil, 22, protowire.BytesType), 2, 1<<3|2, 2, 15<<3, 1)...),
		"endless number":            command(2<<3, 0xff, 0xff),
		"field number zero":         command(0, 0),
		"packed, cut":               command(append([]byte{4<<3 | 2, 1, 0x80}, close1...)...),
		"number out of range":       command(0x82, 1, 7, 3<<3, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
		"nameless give":             command(append(protowire.AppendTag(nil, 17, protowire.BytesType), 2, 2<<3|2, 0)...),
		"acquire of nothing":        command(append(protowire.AppendTag(nil, 16, protowire.BytesType), 0)...),
		"truth neither 0 or 1":      append([]byte{resultVersion}, 4<<3, 2),
	} {
		_, err := DecodeCommand(b)
		if what == "truth neither 0 or 1" {
			_, err = DecodeResult(b)
		}
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error is %v", what, err)
		}
	}
}

func TestACommandThatWouldHaltEveryNodeIsNeverEncoded(t *testing.T) {
	for what, op := range map[string]gate.Op{
		"name without a kind": &gate.Break{Name: gate.Name{Text: "k"}, Token: 1},
		"acquire of nothing":  &gate.Acquire{Run: "r"},
		"release of nothing":  &gate.Release{Run: "r"},
		"no operation":        nil,
	} {
		t.Run(what, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it was encoded")
				}
			}()
			AppendCommand(nil, &gate.Command{Op: op})
		})
	}
}

func TestEveryPrefixOfACommandIsRefusedOrShorter(t *testing.T) {
	whole := AppendCommand(nil, sampleCommands()["acquire"])
	for n := range whole {
		if _, err := DecodeCommand(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes are taken for a command", n, len(whole))
		}
	}
}

// Elements of two bytes each become structs of hundreds: the ratio is bounded
// by the largest struct, whatever lengths the input claims.
func TestDecodingAllocatesInProportionToItsInput(t *testing.T) {
	empty := protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), nil)
	var holders []byte
	for range 10_000 {
		holders = append(holders, empty...)
	}
	b := protowire.AppendBytes(protowire.AppendTag([]byte{resultVersion}, 7, protowire.BytesType), holders)
	claimed := protowire.AppendVarint(protowire.AppendTag([]byte{resultVersion}, 7, protowire.BytesType), 1<<31-1)

	for what, b := range map[string][]byte{"empty elements": b, "false length": claimed} {
		got := testing.Benchmark(func(bench *testing.B) {
			bench.ReportAllocs()
			for range bench.N {
				_, _ = DecodeResult(b)
			}
		})
		most := int64(1024 + 2*len(b)*int(reflect.TypeFor[gate.Hold]().Size()))
		if got.AllocedBytesPerOp() > most {
			t.Errorf("%s: %d bytes of input allocate %d, more than %d", what, len(b), got.AllocedBytesPerOp(), most)
		}
	}
}

func sampleClient() gate.Client { return gate.Client{Name: "deploy", Host: "build-7", PID: 4711} }

// sampleCommands has one command of every operation with every field set.
func sampleCommands() map[string]*gate.Command {
	session := gate.SessionID{Number: 12, Nonce: 0xfeed_beef_0123_4567}
	key := gate.Name{Kind: gate.Key, Text: "nightly"}
	ref := gate.Name{Kind: gate.Reference, Text: "prod/db/backup"}
	exactly := func(op gate.Op) *gate.Command {
		return &gate.Command{Session: session, Seq: 300, Acked: 297, Done: []uint64{299}, Op: op}
	}
	return map[string]*gate.Command{
		"acquire": exactly(&gate.Acquire{
			Run:   "run-1",
			Wants: []gate.Want{{Name: ref, Mode: gate.Shared, Scope: gate.Tree}, {Name: gate.Name{Kind: gate.Reference, Text: "prod/web"}}},
			Limit: 5, Wait: 90 * time.Second, TTL: 15 * time.Second, Nonce: 0x8000_0000_0000_0001,
			Reason: "nightly backup", Client: sampleClient(), Resume: 41,
		}),
		"acquire_key": {Op: &gate.Acquire{Run: "run-1", Wants: []gate.Want{{Name: key}}}},
		"release":     exactly(&gate.Release{Run: "run-1", Gives: []gate.Give{{Name: key, Token: 77}, {Name: ref}}}),
		"downgrade":   exactly(&gate.Downgrade{Run: "run-1", Name: ref, Token: 77, Mode: gate.Shared, Scope: gate.Tree}),
		"break":       exactly(&gate.Break{Name: key, Token: 77, Reason: "host is gone", Actor: "ops"}),
		"break_by": {Op: &gate.Break{
			Name: ref, Token: 77, Reason: "host is gone", Actor: "10.0.0.7", Client: gate.Client{Name: "ann", Host: "admin-1", PID: 88},
		}},
		"open_session":  {Op: &gate.OpenSession{TTL: 10 * time.Second, LockDelay: time.Second, Client: sampleClient(), Nonce: 99}},
		"close_session": {Session: session, Op: &gate.CloseSession{}},
		"release_run":   {Op: &gate.ReleaseRun{Run: "run-1"}},
		"start_term":    {Op: &gate.StartTerm{Term: 9, Leader: "n2", ClientURL: "http://127.0.0.1:7420"}},
		"expire":        {Op: &gate.Expire{Term: 9, Sessions: []uint64{12, 300}, Requests: []uint64{41}, Delays: []uint64{77, 1 << 40}}},
	}
}
