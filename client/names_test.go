package client

import (
	"errors"
	"strings"
	"testing"

	"lockd/api"
)

func TestTextThatIsNotUTF8IsNotSent(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		_, asRef := c.Lock(t.Context(), "a\xff")
		_, asKey := c.AcquireKey(t.Context(), "a\xff")
		_, asRun := c.Lock(t.Context(), "a", WithRun("\xff"))
		_, asOne := c.LockAcquire(t.Context(), api.LockAcquire{RunID: "r", Refs: []api.LockWant{{Ref: "a"}, {Ref: "\xff"}}})
		_, asClient := c.SessionOpen(t.Context(), api.SessionOpen{Client: &api.Client{Name: "\xff"}})
		for _, err := range []error{asRef, asKey, asRun, asOne, asClient} {
			if !errors.Is(err, ErrInvalidRequest) {
				t.Errorf("error %v, want ErrInvalidRequest", err)
			}
		}
		eventually()
		for _, r := range f.seen("") {
			if !strings.HasPrefix(r.path, "/v1/sessions") {
				t.Errorf("sent %s %s", r.path, r.raw)
			}
		}
	})
}

func TestANameIsSentAsItIs(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		const name = "<a> & \"b\" \u2028 é"
		g, err := c.AcquireKey(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		sent := f.seen("/v1/keys/acquire")[0]
		if sent.body.Key != name || !strings.Contains(sent.raw, "<a> & ") {
			t.Errorf("sent %s", sent.raw)
		}
		mustRelease(t, g)
	})
}

func TestAnEmptyKeyIsStillAKey(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.react(firstTime("/v1/keys/acquire", reaction{problem: api.CodeInvalidRequest}))
		if _, err := c.AcquireKey(t.Context(), ""); !errors.Is(err, ErrInvalidRequest) {
			t.Errorf("error %v", err)
		}
	})
}

func TestReferencesAreResolvedAsTheServerDoes(t *testing.T) {
	for ref, want := range map[string]string{
		"a": "a", "/a//b/./c/../": "a/b", "./a": "a",
		// What the server must refuse stays as it is.
		"": "", "..": "..", "a/..": "a/..", "/": "/",
	} {
		if got := canonicalRef(ref); got != want {
			t.Errorf("%q became %q, want %q", ref, got, want)
		}
	}
}
