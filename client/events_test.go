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

// streams answers each connection to /v1/events with the next script, and then
// leaves the connection as the script says.
func streams(t *testing.T, scripts ...func(w http.ResponseWriter, r *http.Request)) (*fake, *[]string) {
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

func say(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

func refuse(code api.Code) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) { reply(w, code.Status(), api.NewProblem(code, "no")) }
}

func sse(id, kind string) string {
	return fmt.Sprintf("id: %s\nevent: %s\ndata: {\"kind\":%q,\"token\":7}\n\n", id, kind, kind)
}

type eventCase struct {
	name    string
	scripts []func(http.ResponseWriter, *http.Request)
	after   string
	want    []string // IDs and kinds, up to 9-9
	resumed []string
	err     error
}

func eventCases() []eventCase {
	silent := func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, ": lockd\n\n")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	stop := func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, sse("9-9", "left"))
	}
	return []eventCase{
		{
			name:    "come in order",
			scripts: []func(http.ResponseWriter, *http.Request){say(": lockd\n\n" + sse("1-1", "acquired") + sse("1-2", "released") + sse("9-9", "left"))},
			want:    []string{"1-1 acquired", "1-2 released", "9-9 left"},
			resumed: []string{""},
		},
		{
			name:    "resume behind the last one",
			scripts: []func(http.ResponseWriter, *http.Request){say(sse("1-1", "acquired") + "id: 1-2\nevent: acq"), stop},
			want:    []string{"1-1 acquired", "9-9 left"},
			resumed: []string{"", "1-1"},
		},
		{
			name:    "resume behind a heartbeat's id",
			scripts: []func(http.ResponseWriter, *http.Request){say("id: 5-1\n: heartbeat\n\n"), stop},
			want:    []string{"9-9 left"},
			resumed: []string{"", "5-1"},
		},
		{
			name:    "resume when the server drops the reader",
			scripts: []func(http.ResponseWriter, *http.Request){say("event: dropped\ndata: {}\n\n"), stop},
			after:   "3-1",
			want:    []string{"9-9 left"},
			resumed: []string{"3-1", "3-1"},
		},
		{
			name:    "go on at a node that remembers more",
			scripts: []func(http.ResponseWriter, *http.Request){refuse(api.CodeTooOld), refuse(api.CodeTooOld), stop},
			after:   "3-1",
			want:    []string{"9-9 left"},
			resumed: []string{"3-1", "3-1", "3-1"},
		},
		{
			name:    "say when they are gone everywhere",
			scripts: []func(http.ResponseWriter, *http.Request){refuse(api.CodeTooOld), refuse(api.CodeTooOld), refuse(api.CodeTooOld)},
			after:   "3-1",
			resumed: []string{"3-1", "3-1", "3-1"},
			err:     ErrTooOld,
		},
		{
			name:    "say when it cannot be known what was missed",
			scripts: []func(http.ResponseWriter, *http.Request){say(": lockd\n\n")},
			resumed: []string{""},
			err:     ErrTooOld,
		},
		{
			name:    "say what was refused",
			scripts: []func(http.ResponseWriter, *http.Request){refuse(api.CodeForbidden)},
			resumed: []string{""},
			err:     ErrForbidden,
		},
		{
			name:    "outlive a node without a leader and a silent one",
			scripts: []func(http.ResponseWriter, *http.Request){refuse(api.CodeNoLeader), silent, stop},
			after:   "3-1",
			want:    []string{"9-9 left"},
			resumed: []string{"3-1", "3-1", "3-1"},
		},
		{
			name:    "are not guessed",
			scripts: []func(http.ResponseWriter, *http.Request){say("id: 1-1\ndata: {]\n\n")},
			resumed: []string{""},
			err:     errNoEvent,
		},
	}
}

func TestEvents(t *testing.T) {
	for _, tc := range eventCases() {
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
