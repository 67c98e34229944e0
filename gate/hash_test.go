package gate

import (
	"reflect"
	"testing"
)

// Replicas that differ in any field of an ending must be found.
func TestTheHashOfAnEndingCoversEveryField(t *testing.T) {
	fresh := func() *Ending { return &Ending{Client: &Client{}, By: &Breaker{}} }
	hash := func(e *Ending) uint64 {
		kept := storedEnding(e)
		return hashEnding(&kept, hashName(e.Name), hashClient(e.Client))
	}
	seen := map[uint64]string{hash(fresh()): "nothing"}
	check := func(field string, e *Ending) {
		if same, found := seen[hash(e)]; found {
			t.Errorf("an ending with another %s hashes like one with another %s", field, same)
		}
		seen[hash(e)] = field
	}
	// of alters each field of the struct that sel finds in a fresh ending.
	var of func(path string, sel func(*Ending) reflect.Value)
	of = func(path string, sel func(*Ending) reflect.Value) {
		for i := range sel(fresh()).NumField() {
			name := path + "." + sel(fresh()).Type().Field(i).Name
			e := fresh()
			switch f := sel(e).Field(i); f.Kind() {
			case reflect.String:
				f.SetString("x")
			case reflect.Uint8, reflect.Uint32, reflect.Uint64:
				f.SetUint(7)
			case reflect.Int64:
				f.SetInt(7)
			case reflect.Pointer:
				of(name, func(e *Ending) reflect.Value { return sel(e).Field(i).Elem() })
				continue
			case reflect.Struct:
				of(name, func(e *Ending) reflect.Value { return sel(e).Field(i) })
				continue
			default:
				t.Fatalf("%s: kind %v", name, f.Kind())
			}
			check(name, e)
		}
	}
	of("Ending", func(e *Ending) reflect.Value { return reflect.ValueOf(e).Elem() })
}

// Texts that follow each other are told apart by where one ends.
func TestTheHashTellsTextsApart(t *testing.T) {
	seen := make(map[hasher][2]string)
	for _, texts := range [][2]string{
		{"", ""}, {"a", ""}, {"", "a"}, {"a\x00", ""}, {"a", "\x00"}, {"abcdefgh", ""}, {"abcdefg", "h"}, {"", "abcdefgh"},
		{"abcdefgh\x00", ""}, {"abcdefghi", ""}, {"abcdefgh", "i"}, {"abcdefghabcdefgh", ""}, {"abcdefgh", "abcdefgh"},
	} {
		h := hashStart.text(texts[0]).text(texts[1])
		if same, found := seen[h]; found {
			t.Errorf("%q hashes like %q", texts, same)
		}
		seen[h] = texts
	}
}

// Digests are in snapshots: a repeat after an upgrade must still be known.
func TestDigestsStayAsTheyAre(t *testing.T) {
	name := Name{Kind: Key, Text: "nightly"}
	for want, op := range map[uint64]Op{
		0xa07f4fe9b28e2069: &Acquire{Run: "r", Wants: []Want{{Name: name}}, Limit: 2, Wait: 5, Reason: "why", Client: Client{Name: "c", Host: "h", PID: 1}},
		0xf662dcb9b76ecbe0: &Release{Run: "r", Gives: []Give{{Name: name, Token: 7}}},
		0x25e1d6191a3d3e1b: &Downgrade{Run: "r", Name: name, Token: 7, Mode: Shared, Scope: Tree, KeepScope: true},
		0x9ab143c788209204: &Break{Name: name, Token: 7, Reason: "why", Actor: "a"},
	} {
		if got := digest(op); got != want {
			t.Errorf("%T: digest %#x, want %#x", op, got, want)
		}
	}
}

func TestABreakRepeatedThroughAnotherNodeIsTheSameCommand(t *testing.T) {
	through := func(actor string) uint64 {
		return digest(&Break{Name: Name{Kind: Key, Text: "k"}, Token: 7, Reason: "why", Actor: actor})
	}
	if through("10.0.0.9") != through("192.168.0.9") {
		t.Error("the address under which a node sees the caller makes it another command")
	}
}

func TestAShortWordHashesLikeItsEightBytes(t *testing.T) {
	for x := range uint64(1 << 10) {
		if h := fnvOffset.word(7); h.word(x) != h.bytes(x) {
			t.Errorf("%d: %#x, but its bytes %#x", x, h.word(x), h.bytes(x))
		}
	}
}
