package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockd/api"
)

// An eventScript is what a server does with one connection to /v1/events.
type eventScript = func(w http.ResponseWriter, r *http.Request)

// streams answers each connection to /v1/events with the next script, and then
// leaves the connection as the script says.
func streams(t *testing.T, scripts ...eventScript) (*fake, *[]string) {
	f := newFake(t)
	var resumed []string
	for _, server := range f.servers {
		server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := len(resumed)
			resumed = append(resumed, r.Header.Get("Last-Event-ID"))
			if n >= len(scripts) {
				<-r.Context().Done()
				return
			}
			scripts[n](w, r)
		})
	}
	return f, &resumed
}

func say(text string) eventScript {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

func refuse(code api.Code) eventScript {
	return func(w http.ResponseWriter, _ *http.Request) { reply(w, code.Status(), api.NewProblem(code, "no")) }
}

func sse(id, kind string) string {
	return fmt.Sprintf("id: %s\nevent: %s\ndata: {\"kind\":%q,\"token\":7}\n\n", id, kind, kind)
}

type eventCase struct {
	name    string
	scripts []eventScript
	after   string
	want    []string // IDs and kinds, up to 9-9
	resumed []string
	err     error
}

// silence is a server that says nothing more.
func silence(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, ": lockd\n\n")
	http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// last is the event with which all cases end that go on.
var last = say(sse("9-9", "left"))

func eventsThatGoOn() []eventCase {
	return []eventCase{
		{
			name:    "come in order",
			scripts: []eventScript{say(": lockd\n\n" + sse("1-1", "acquired") + sse("1-2", "released") + sse("9-9", "left"))},
			want:    []string{"1-1 acquired", "1-2 released", "9-9 left"},
			resumed: []string{""},
		},
		{
			name:    "resume behind the last one",
			scripts: []eventScript{say(sse("1-1", "acquired") + "id: 1-2\nevent: acq"), last},
			want:    []string{"1-1 acquired", "9-9 left"},
			resumed: []string{"", "1-1"},
		},
		{
			name:    "resume behind a heartbeat's id",
			scripts: []eventScript{say("id: 5-1\n: heartbeat\n\n"), last},
			want:    []string{"9-9 left"},
			resumed: []string{"", "5-1"},
		},
		{
			name:    "resume when the server drops the reader",
			scripts: []eventScript{say("event: dropped\ndata: {}\n\n"), last},
			after:   "3-1",
			want:    []string{"9-9 left"},
			resumed: []string{"3-1", "3-1"},
		},
		{
			name:    "go on at a node that remembers more",
			scripts: []eventScript{refuse(api.CodeTooOld), refuse(api.CodeTooOld), last},
			after:   "3-1",
			want:    []string{"9-9 left"},
			resumed: []string{"3-1", "3-1", "3-1"},
		},
		{
			name:    "outlive a node without a leader and a silent one",
			scripts: []eventScript{refuse(api.CodeNoLeader), silence, last},
			after:   "3-1",
			want:    []string{"9-9 left"},
			resumed: []string{"3-1", "3-1", "3-1"},
		},
	}
}

func eventsThatFail() []eventCase {
	return []eventCase{
		{
			name:    "say when they are gone everywhere",
			scripts: []eventScript{refuse(api.CodeTooOld), refuse(api.CodeTooOld), refuse(api.CodeTooOld)},
			after:   "3-1",
			resumed: []string{"3-1", "3-1", "3-1"},
			err:     ErrTooOld,
		},
		{
			name:    "say when it cannot be known what was missed",
			scripts: []eventScript{say(": lockd\n\n")},
			resumed: []string{""},
			err:     ErrTooOld,
		},
		{
			name:    "say what was refused",
			scripts: []eventScript{refuse(api.CodeForbidden)},
			resumed: []string{""},
			err:     ErrForbidden,
		},
		{
			name:    "are not guessed",
			scripts: []eventScript{say("id: 1-1\ndata: {]\n\n")},
			resumed: []string{""},
			err:     errNoEvent,
		},
	}
}

func TestEvents(t *testing.T) {
	for _, tc := range append(eventsThatGoOn(), eventsThatFail()...) {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, resumed := streams(t, tc.scripts...)
				c := f.client(newBubbleClock())
				defer f.stop(c)
				var got []string
				var failed error
				for e, err := range c.Events(t.Context(), EventFilter{After: tc.after}) {
					if failed = err; err != nil {
						break
					}
					got = append(got, e.ID+" "+string(e.Kind))
					if e.ID == "9-9" {
						break
					}
				}
				if !slices.Equal(got, tc.want) || !errors.Is(failed, tc.err) {
					t.Errorf("got %q and error %v, want %q and %v", got, failed, tc.want, tc.err)
				}
				if !slices.Equal(*resumed, tc.resumed) {
					t.Errorf("resumed behind %q, want %q", *resumed, tc.resumed)
				}
			})
		})
	}
}

func TestEventsEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := streams(t)
		c := f.client(newBubbleClock())
		defer f.stop(c)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		pairs := 0
		for _, err := range c.Events(ctx, EventFilter{}) {
			pairs++
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
		}
		if pairs != 1 {
			t.Errorf("%d pairs, want the error alone", pairs)
		}
	})
}

func TestTheEventFilterIsSent(t *testing.T) {
	f := EventFilter{Prefix: "a b", Kinds: []api.EventKind{api.EventBroken, api.EventMoved}}
	if q := f.query(); q != "?kind=broken&kind=moved&prefix=a+b" {
		t.Errorf("query %q", q)
	}
	if q := (&EventFilter{}).query(); q != "" || strings.Contains(q, "?") {
		t.Errorf("query %q", q)
	}
}
