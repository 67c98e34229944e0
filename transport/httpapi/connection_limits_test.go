package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

func TestTooManyRequestsInFlightAreRefusedAndASlowReaderIsCutOff(t *testing.T) {
	withTalk(t, func(t *testing.T, h *harness, k *talk) {
		// A pipe takes nothing that is not read: the node writes what it has, which
		// may be nearly all that may be unread, and waits; the others pile up. There
		// are enough for that twice.
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var message strings.Builder
		for i := range 1024 {
			fmt.Fprintf(&message, `,{"id":%d,"path":"/v1/nowhere"}`, i+1)
		}
		for range 2*8192/1024 + 4 {
			if k.conn.Write(ctx, websocket.MessageText, []byte("["+message.String()[1:]+"]")) != nil {
				break
			}
		}
		synctest.Wait()
		refused := 0
		for {
			_, message, err := k.conn.Read(ctx)
			if err != nil {
				var closed websocket.CloseError
				if !errors.As(err, &closed) || closed.Code != websocket.StatusPolicyViolation || !strings.Contains(closed.Reason, "slow reader") {
					t.Errorf("ended with %v", err)
				}
				break
			}
			refused += strings.Count(string(message), `"code":"overloaded"`)
		}
		if refused == 0 {
			t.Error("every request was taken")
		}
	})
}

func TestAReaderThatReadsNothingIsCutOff(t *testing.T) {
	withTalk(t, func(t *testing.T, h *harness, k *talk) {
		k.say(`[{"id":1,"path":"/v1/nowhere"}]`)
		time.Sleep(time.Minute)
		if err := k.conn.Write(t.Context(), websocket.MessageText, []byte("[]")); err == nil {
			t.Error("the stream goes on")
		}
	})
}

// All waits of a stream may end with one entry of the log: they are no reader's
// fault.
func TestAllWaitsOfAStreamMayEndAtOnce(t *testing.T) {
	withTalk(t, func(t *testing.T, h *harness, k *talk) {
		const waits = 10_000 // more than may be unread else
		holder, session := h.open("1h"), h.open("1h")
		ask := func(from int, run, session, wait string) {
			var message strings.Builder
			for id := from; id < from+500; id++ {
				fmt.Fprintf(&message, `,{"id":%d,"path":"/v1/keys/acquire","body":{"key":"k%d","run_id":"%s%d"%s,"session":%q}}`,
					id, id, run, id, wait, session)
			}
			k.say("[" + message.String()[1:] + "]")
			for range 500 {
				k.answer()
			}
		}
		for from := 1; from <= waits; from += 500 {
			ask(from, "a", holder, "")
			ask(from, "b", session, `,"wait":"1h"`)
		}
		h.delete("/v1/sessions/" + holder).is(200)
		synctest.Wait() // nothing is read so far
		for range waits {
			if m := k.answer(); m.Status != 200 {
				t.Fatalf("%d: %s", m.Status, m.Body)
			}
		}
	})
}

func TestASpaceBehindAValueIsNoPartOfIt(t *testing.T) {
	withTalk(t, func(t *testing.T, h *harness, k *talk) {
		k.say("[ { \"id\" : 1 , \"cancel\" : true\r\n\t } , { \"cancel\" : true , \"id\" : 1 } , { \"id\" : 2 , \"method\" : \"GET\" , \"path\" : \"/v1/keys/k\" } ] ")
		k.is(2, 200)
	})
}

func TestTheReasonOfAnEndIsUTF8(t *testing.T) {
	for _, shift := range []string{"", "x", "xx"} {
		withTalk(t, func(t *testing.T, h *harness, k *talk) {
			k.say(`[{"id":1,"` + shift + strings.Repeat("€", 100) + `":1}]`)
			_, _, err := k.conn.Read(t.Context())
			for err == nil {
				_, _, err = k.conn.Read(t.Context())
			}
			var closed websocket.CloseError
			if !errors.As(err, &closed) || !strings.Contains(closed.Reason, "€") || !utf8.ValidString(closed.Reason) {
				t.Errorf("ended with %q", err)
			}
		})
	}
}
