package gate_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"lockd/gate"
	"pgregory.net/rapid"
)

func TestReferencesAreCanonicalised(t *testing.T) {
	for _, c := range []struct{ what, in, want string }{
		{"canonical already", "a/b", "a/b"},
		{"one segment", "a", "a"},
		{"contract's example", "/a//b/./c/../", "a/b"},
		{"leading slash", "/a", "a"},
		{"trailing slash", "a/", "a"},
		{"doubled slashes", "///a///b///", "a/b"},
		{"dot", "./a/././b/.", "a/b"},
		{"dot-dot", "a/b/../c", "a/c"},
		{"dot-dot twice", "a/b/../../c", "c"},
		{"dot-dot to the root and on", "a/../b", "b"},
		{"three dots are a segment", "a/.../b", "a/.../b"},
		{"dots in a segment", "a/..b/c.", "a/..b/c."},
		{"spaces stay", " a / b ", " a / b "},
		{"case stays", "A/b", "A/b"},
		{"backslash is no slash", `a\b`, `a\b`},
		{"escapes stay", "a%2Fb", "a%2Fb"},
		{"decomposed letter", "cafe\u0301", "caf\u00e9"},
		{"decomposed across the path", "e\u0301/a", "\u00e9/a"},
		{"sign that composes to a letter", "\u212b", "\u00c5"},
		{"full width letters stay", "\uff41", "\uff41"},
		{"mark order", "a\u0323\u0302", "\u1ead"},
		{"512 bytes", strings.Repeat("x", 512), strings.Repeat("x", 512)},
		{"32 segments", strings.Repeat("x/", 32), strings.Repeat("x/", 31) + "x"},
		{"long spelling of a short name", strings.Repeat("./", 1000) + "a", "a"},
	} {
		got, err := gate.ParseReference(c.in)
		if err != nil || got != (gate.Name{Kind: gate.Reference, Text: c.want}) {
			t.Errorf("%s: %q is %q, %v; want %q", c.what, c.in, got.Text, err, c.want)
		}
	}
}

func TestBadReferencesAreRefused(t *testing.T) {
	for _, c := range []struct{ what, in string }{
		{"empty", ""},
		{"nothing left of slashes", "///"},
		{"nothing left of dots", "./."},
		{"nothing left of a detour", "a/.."},
		{"above the root", ".."},
		{"above the root later", "a/../../b"},
		{"above the root and back", "../a"},
		{"513 bytes", strings.Repeat("x", 513)},
		{"33 segments", strings.Repeat("x/", 33)},
		{"newline", "a\nb"},
		{"NUL", "a\x00b"},
		{"delete", "a\x7f"},
		{"C1 control", "a\u0085b"},
		{"not UTF-8", "a\xff"},
		{"half a letter", "caf\xc3"},
	} {
		if got, err := gate.ParseReference(c.in); !errors.Is(err, gate.ErrBadName) {
			t.Errorf("%s: %q is %q, %v; want a bad name", c.what, c.in, got.Text, err)
		}
	}
}

func TestKeysAreOpaque(t *testing.T) {
	for _, in := range []string{
		"deploy", "a//b", "..", "/", " ", "cafe\u0301", "caf\u00e9", "ключ", strings.Repeat("x", 512),
	} {
		if got, err := gate.ParseKey(in); err != nil || got != (gate.Name{Kind: gate.Key, Text: in}) {
			t.Errorf("key %q is %q, %v; want it unchanged", in, got.Text, err)
		}
	}
	for _, in := range []string{"", strings.Repeat("x", 513), "a\tb", "a\xff", "a\u009f"} {
		if got, err := gate.ParseKey(in); !errors.Is(err, gate.ErrBadName) {
			t.Errorf("key %q is %q, %v; want a bad name", in, got.Text, err)
		}
	}
}

func TestRunIDsAreChecked(t *testing.T) {
	for _, in := range []string{"r", "run 1/ü", strings.Repeat("x", 128)} {
		if err := gate.CheckRun(in); err != nil {
			t.Errorf("run %q: %v", in, err)
		}
	}
	for _, in := range []string{"", strings.Repeat("x", 129), "a\nb", "a\xff"} {
		if err := gate.CheckRun(in); !errors.Is(err, gate.ErrBadName) {
			t.Errorf("run %q: %v; want a bad name", in, err)
		}
	}
}

// anySpelling draws strings that are references more often than not.
var anySpelling = rapid.OneOf(
	rapid.String(),
	rapid.StringMatching(`(a|b|\.|\.\.|/|//|e|\x{301}|\x{e9}|\x{212b}){1,12}`),
)

func TestCanonicalReferencesStayAsTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, err := gate.ParseReference(anySpelling.Draw(t, "spelling"))
		if err != nil {
			return
		}
		second, err := gate.ParseReference(first.Text)
		if err != nil || second != first {
			t.Fatalf("%q becomes %q, %v", first.Text, second.Text, err)
		}
	})
}

func TestCanonicalReferencesHaveTheirForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, err := gate.ParseReference(anySpelling.Draw(t, "spelling"))
		if err != nil {
			return
		}
		if !utf8.ValidString(name.Text) || !norm.NFC.IsNormalString(name.Text) || len(name.Text) > gate.MaxNameBytes {
			t.Fatalf("%q is too long or not composed", name.Text)
		}
		segments := strings.Split(name.Text, "/")
		for _, segment := range segments {
			if segment == "" || segment == "." || segment == ".." {
				t.Fatalf("%q has the segment %q", name.Text, segment)
			}
		}
		if len(segments) > gate.MaxSegments {
			t.Fatalf("%q has %d segments", name.Text, len(segments))
		}
	})
}

// Detours and the way a letter is written do not change which lock is meant.
func TestSpellingsOfAReferenceMeanOneLock(t *testing.T) {
	segment := rapid.StringMatching(`[a-zé]{1,4}`)
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SliceOfN(segment, 1, 8).Draw(t, "path")
		var spelling strings.Builder
		for _, s := range path {
			spelling.WriteString(rapid.SampledFrom([]string{"/", "//", "/./", "/x/../", "/é/b/../../"}).Draw(t, "detour"))
			spelling.WriteString(rapid.SampledFrom([]norm.Form{norm.NFC, norm.NFD}).Draw(t, "form").String(s))
		}
		got, err := gate.ParseReference(spelling.String())
		if want := strings.Join(path, "/"); err != nil || got.Text != want {
			t.Fatalf("%q is %q, %v; want %q", spelling.String(), got.Text, err, want)
		}
	})
}

func TestWantsMergeToTheStrongest(t *testing.T) {
	ref := func(text string) gate.Name { return gate.Name{Kind: gate.Reference, Text: text} }
	rapid.Check(t, func(t *rapid.T) {
		wants := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) gate.Want {
			return gate.Want{
				Name: ref(rapid.SampledFrom([]string{"a", "a/b", "ab", "b"}).Draw(t, "ref")),
				Mode: gate.Mode(rapid.IntRange(0, 1).Draw(t, "mode")), Scope: gate.Scope(rapid.IntRange(0, 1).Draw(t, "scope")),
			}
		}), 1, 10).Draw(t, "wants")
		merged := gate.MergeWants(append([]gate.Want(nil), wants...))
		for i, m := range merged {
			if i > 0 && merged[i-1].Name.Text >= m.Name.Text {
				t.Fatalf("not sorted, or a name twice: %v", merged)
			}
			want := gate.Want{Name: m.Name, Mode: gate.Shared, Scope: gate.Node}
			found := false
			for _, w := range wants {
				if w.Name == m.Name {
					found = true
					want.Mode, want.Scope = min(want.Mode, w.Mode), max(want.Scope, w.Scope)
				}
			}
			if !found || m != want {
				t.Fatalf("%v merge to %v", wants, merged)
			}
		}
		for _, w := range wants {
			if !containsName(merged, w.Name) {
				t.Fatalf("%v merge to %v", wants, merged)
			}
		}
	})
}

func containsName(wants []gate.Want, name gate.Name) bool {
	for _, w := range wants {
		if w.Name == name {
			return true
		}
	}
	return false
}

func TestSessionIDsSurviveTheirText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := gate.SessionID{Number: rapid.Uint64Min(1).Draw(t, "number"), Nonce: rapid.Uint64().Draw(t, "nonce")}
		if got, ok := gate.ParseSessionID(id.String()); !ok || got != id {
			t.Fatalf("%v is read back as %v, %t", id, got, ok)
		}
	})
	for _, text := range []string{
		"", "s", "s1", "s1-", "s1-1", "1-0000000000000001", "s0-0000000000000001", "s01-0000000000000001",
		"sA-0000000000000001", "s1-000000000000000A", "s1-00000000000000001", "ss1-0000000000000001", "s+1-0000000000000001",
	} {
		if id, ok := gate.ParseSessionID(text); ok {
			t.Errorf("%q is read as %v; no session is called so", text, id)
		}
	}
}
