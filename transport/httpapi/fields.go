package httpapi

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"lockd/api"
	"lockd/gate"
	"lockd/transport/httpapi/strictjson"
)

// field is one field of a body.
func field[T any](name string, read func(r *strictjson.Reader, into *T)) strictjson.Field[T] {
	return strictjson.Field[T]{Name: name, Read: read}
}

// withOnce returns the fields, and behind them those of exactly-once.
func withOnce[T any](of func(*T) *api.Once, fields ...strictjson.Field[T]) []strictjson.Field[T] {
	return append(fields,
		field("seq", func(r *strictjson.Reader, b *T) { of(b).Seq = r.Uint(1, math.MaxUint64-1) }),
		field("acked", func(r *strictjson.Reader, b *T) { of(b).Acked = r.Uint(0, math.MaxUint64-1) }),
		field("done", func(r *strictjson.Reader, b *T) {
			o := of(b)
			r.Array(gate.MaxDone, func(r *strictjson.Reader) {
				if o.Done == nil {
					o.Done = make([]uint64, 0, usualDone)
				}
				o.Done = append(o.Done, r.Uint(1, math.MaxUint64-1))
			})
		}),
	)
}

// The tables of what each body may hold, in the order in which most clients send it.
var (
	keyAcquireFields = withOnce(func(b *api.KeyAcquire) *api.Once { return &b.Once },
		field("key", func(r *strictjson.Reader, b *api.KeyAcquire) { b.Key = present(r) }),
		field("run_id", func(r *strictjson.Reader, b *api.KeyAcquire) { b.RunID = present(r) }),
		field("session", func(r *strictjson.Reader, b *api.KeyAcquire) { b.Session = present(r) }),
		field("ttl", func(r *strictjson.Reader, b *api.KeyAcquire) { b.TTL = duration(r, gate.MinTTL, gate.MaxTTL) }),
		field("limit", func(r *strictjson.Reader, b *api.KeyAcquire) { b.Limit = uint32(r.Uint(1, gate.MaxLimit)) }),
		field("wait", func(r *strictjson.Reader, b *api.KeyAcquire) { b.Wait = duration(r, 0, gate.MaxWait) }),
		field("poll", func(r *strictjson.Reader, b *api.KeyAcquire) { b.Poll = new(duration(r, 0, api.MaxPoll)) }),
		field("reason", func(r *strictjson.Reader, b *api.KeyAcquire) { b.Reason = label(r, gate.MaxReasonBytes) }),
	)
	keyReleaseFields = withOnce(func(b *api.KeyRelease) *api.Once { return &b.Once },
		field("key", func(r *strictjson.Reader, b *api.KeyRelease) { b.Key = present(r) }),
		field("run_id", func(r *strictjson.Reader, b *api.KeyRelease) { b.RunID = present(r) }),
		field("token", func(r *strictjson.Reader, b *api.KeyRelease) { b.Token = token(r) }),
		field("session", func(r *strictjson.Reader, b *api.KeyRelease) { b.Session = present(r) }),
	)
	keyBreakFields = withOnce(func(b *api.KeyBreak) *api.Once { return &b.Once },
		field("key", func(r *strictjson.Reader, b *api.KeyBreak) { b.Key = present(r) }),
		field("token", func(r *strictjson.Reader, b *api.KeyBreak) { b.Token = token(r) }),
		field("reason", func(r *strictjson.Reader, b *api.KeyBreak) { b.Reason = label(r, gate.MaxReasonBytes) }),
		field("client", func(r *strictjson.Reader, b *api.KeyBreak) { b.Client = client(r) }),
		field("session", func(r *strictjson.Reader, b *api.KeyBreak) { b.Session = present(r) }),
	)
	lockWantFields = []strictjson.Field[api.LockWant]{
		field("ref", func(r *strictjson.Reader, b *api.LockWant) { b.Ref = present(r) }),
		field("mode", func(r *strictjson.Reader, b *api.LockWant) { b.Mode = mode(r) }),
		field("scope", func(r *strictjson.Reader, b *api.LockWant) { b.Scope = scope(r) }),
	}
	lockAcquireFields = withOnce(func(b *api.LockAcquire) *api.Once { return &b.Once },
		field("ref", func(r *strictjson.Reader, b *api.LockAcquire) { b.Ref = present(r) }),
		field("mode", func(r *strictjson.Reader, b *api.LockAcquire) { b.Mode = mode(r) }),
		field("scope", func(r *strictjson.Reader, b *api.LockAcquire) { b.Scope = scope(r) }),
		field("refs", func(r *strictjson.Reader, b *api.LockAcquire) { b.Refs = list(r, api.MaxRefs, lockWantFields) }),
		field("run_id", func(r *strictjson.Reader, b *api.LockAcquire) { b.RunID = present(r) }),
		field("session", func(r *strictjson.Reader, b *api.LockAcquire) { b.Session = present(r) }),
		field("ttl", func(r *strictjson.Reader, b *api.LockAcquire) { b.TTL = duration(r, gate.MinTTL, gate.MaxTTL) }),
		field("wait", func(r *strictjson.Reader, b *api.LockAcquire) { b.Wait = duration(r, 0, gate.MaxWait) }),
		field("poll", func(r *strictjson.Reader, b *api.LockAcquire) { b.Poll = new(duration(r, 0, api.MaxPoll)) }),
		field("reason", func(r *strictjson.Reader, b *api.LockAcquire) { b.Reason = label(r, gate.MaxReasonBytes) }),
	)
	lockGiveFields = []strictjson.Field[api.LockGive]{
		field("ref", func(r *strictjson.Reader, b *api.LockGive) { b.Ref = present(r) }),
		field("token", func(r *strictjson.Reader, b *api.LockGive) { b.Token = token(r) }),
	}
	lockReleaseFields = withOnce(func(b *api.LockRelease) *api.Once { return &b.Once },
		field("ref", func(r *strictjson.Reader, b *api.LockRelease) { b.Ref = present(r) }),
		field("token", func(r *strictjson.Reader, b *api.LockRelease) { b.Token = token(r) }),
		field("refs", func(r *strictjson.Reader, b *api.LockRelease) { b.Refs = list(r, api.MaxRefs, lockGiveFields) }),
		field("run_id", func(r *strictjson.Reader, b *api.LockRelease) { b.RunID = present(r) }),
		field("session", func(r *strictjson.Reader, b *api.LockRelease) { b.Session = present(r) }),
	)
	lockDowngradeFields = withOnce(func(b *api.LockDowngrade) *api.Once { return &b.Once },
		field("ref", func(r *strictjson.Reader, b *api.LockDowngrade) { b.Ref = present(r) }),
		field("run_id", func(r *strictjson.Reader, b *api.LockDowngrade) { b.RunID = present(r) }),
		field("token", func(r *strictjson.Reader, b *api.LockDowngrade) { b.Token = token(r) }),
		field("mode", func(r *strictjson.Reader, b *api.LockDowngrade) { b.Mode = mode(r) }),
		field("scope", func(r *strictjson.Reader, b *api.LockDowngrade) { b.Scope = scope(r) }),
		field("session", func(r *strictjson.Reader, b *api.LockDowngrade) { b.Session = present(r) }),
	)
	lockBreakFields = withOnce(func(b *api.LockBreak) *api.Once { return &b.Once },
		field("ref", func(r *strictjson.Reader, b *api.LockBreak) { b.Ref = present(r) }),
		field("token", func(r *strictjson.Reader, b *api.LockBreak) { b.Token = token(r) }),
		field("reason", func(r *strictjson.Reader, b *api.LockBreak) { b.Reason = label(r, gate.MaxReasonBytes) }),
		field("client", func(r *strictjson.Reader, b *api.LockBreak) { b.Client = client(r) }),
		field("session", func(r *strictjson.Reader, b *api.LockBreak) { b.Session = present(r) }),
	)
	checkFields = []strictjson.Field[api.Check]{
		field("key", func(r *strictjson.Reader, b *api.Check) { b.Key = present(r) }),
		field("ref", func(r *strictjson.Reader, b *api.Check) { b.Ref = present(r) }),
		field("token", func(r *strictjson.Reader, b *api.Check) { b.Token = token(r) }),
	}
	clientFields = []strictjson.Field[api.Client]{
		field("name", func(r *strictjson.Reader, b *api.Client) { b.Name = label(r, gate.MaxClientBytes) }),
		field("host", func(r *strictjson.Reader, b *api.Client) { b.Host = label(r, gate.MaxClientBytes) }),
		field("pid", func(r *strictjson.Reader, b *api.Client) { b.PID = uint32(r.Uint(0, math.MaxUint32)) }),
	}
	sessionOpenFields = []strictjson.Field[api.SessionOpen]{
		field("ttl", func(r *strictjson.Reader, b *api.SessionOpen) { b.TTL = duration(r, gate.MinTTL, gate.MaxTTL) }),
		field("lock_delay", func(r *strictjson.Reader, b *api.SessionOpen) { b.LockDelay = duration(r, 0, gate.MaxLockDelay) }),
		field("client", func(r *strictjson.Reader, b *api.SessionOpen) { b.Client = client(r) }),
	}
	keepAliveFields = []strictjson.Field[api.KeepAlive]{
		field("ids", func(r *strictjson.Reader, b *api.KeepAlive) {
			b.IDs = make([]string, 0, 16)
			r.Array(api.MaxKeepalives, func(r *strictjson.Reader) { b.IDs = append(b.IDs, r.String()) })
		}),
	}
	transferFields = []strictjson.Field[api.LeaderTransfer]{
		field("to", func(r *strictjson.Reader, b *api.LeaderTransfer) { b.To = present(r) }),
	}
)

// present reads a string that may be left out, but not be empty.
func present(r *strictjson.Reader) string {
	s := r.String()
	if s == "" {
		r.Fail("is empty; give it a value or leave it out")
	}
	return s
}

// label reads text that is only displayed.
func label(r *strictjson.Reader, most int) string {
	s := r.String()
	switch {
	case len(s) > most:
		r.Fail(fmt.Sprintf("is longer than %d bytes; shorten it", most))
	case strings.ContainsFunc(s, unicode.IsControl):
		r.Fail("has a control character; leave it out")
	}
	return s
}

func client(r *strictjson.Reader) *api.Client {
	c := new(api.Client)
	strictjson.Members(r, clientFields, c)
	return c
}

func token(r *strictjson.Reader) uint64 { return r.Uint(1, gate.MaxToken-1) }

func duration(r *strictjson.Reader, least, most time.Duration) api.Duration {
	s := r.String()
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		r.Fail(fmt.Sprintf(`is %.40q, which is no duration; send a string such as "250ms" or "1m30s"`, s))
	case d < least || d > most:
		r.Fail(fmt.Sprintf("is %s; send a duration from %s to %s", d, least, most))
	}
	return api.Duration(d)
}

func mode(r *strictjson.Reader) api.Mode { return word(r, api.Exclusive, api.Shared) }

func scope(r *strictjson.Reader) api.Scope { return word(r, api.Node, api.Tree) }

func word[W ~string](r *strictjson.Reader, words ...W) W {
	w := W(r.String())
	if !slices.Contains(words, w) {
		r.Fail(fmt.Sprintf("is %.40q; send one of %q", w, words))
	}
	return w
}

// list reads a list that may be left out, but not be empty.
func list[T any](r *strictjson.Reader, most int, fields []strictjson.Field[T]) []T {
	var entries []T
	r.Array(most, func(r *strictjson.Reader) {
		var entry T
		strictjson.Members(r, fields, &entry)
		entries = append(entries, entry)
	})
	if len(entries) == 0 {
		r.Fail("is empty; name at least one reference")
	}
	return entries
}
