package httpapi

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockd/api"
	"lockd/gate"
)

// keyName returns the key that a field names.
func keyName(field, text string) (gate.Name, error) {
	name, err := gate.ParseKey(text)
	return name, nameError(field, text, err)
}

// refName returns the canonical reference that a field names.
func refName(field, text string) (gate.Name, error) {
	name, err := gate.ParseReference(text)
	return name, nameError(field, text, err)
}

func checkRun(text string) error { return nameError("run_id", text, gate.CheckRun(text)) }

func nameError(field, text string, err error) error {
	switch {
	case err == nil:
		return nil
	case text == "":
		return fieldError(field, "is missing; it may not be empty")
	}
	return fieldError(field, "is a bad name; "+strings.TrimPrefix(err.Error(), gate.ErrBadName.Error()+": "))
}

// keyOrRef returns the one name that a body gives as key or as ref.
func keyOrRef(key, ref string) (gate.Name, error) {
	switch {
	case key != "" && ref != "":
		return gate.Name{}, fieldError("ref", "stands beside key; send one of the two")
	case key == "" && ref == "":
		return gate.Name{}, fieldError("key", "is missing; send key or ref")
	case key != "":
		return keyName("key", key)
	}
	return refName("ref", ref)
}

// within puts the command into the session, if there is one.
func within(session string, once *api.Once, cmd *gate.Command) error {
	cmd.Seq, cmd.Acked, cmd.Done = once.Seq, once.Acked, once.Done
	if session == "" {
		if name := onceField(once); name != "" {
			return fieldError(name, "needs a session; open one with POST /v1/sessions and send its id as session")
		}
		return nil
	}
	var known bool
	if cmd.Session, known = gate.ParseSessionID(session); !known {
		return errNoSession
	}
	return nil
}

// onceField names a field of exactly-once that is set, if any is.
func onceField(once *api.Once) string {
	switch {
	case once.Seq != 0:
		return "seq"
	case once.Acked != 0:
		return "acked"
	case len(once.Done) > 0:
		return "done"
	}
	return ""
}

// asked is what the two kinds of acquire have in common.
type asked struct {
	run, session, reason string
	ttl, wait            api.Duration
	poll                 *api.Duration
	once                 api.Once
}

// complete makes the command of an acquire whose names are there.
func (r *request) complete(a *acquiring, b *asked) error {
	if err := checkRun(b.run); err != nil {
		return err
	}
	switch {
	case b.ttl != 0 && b.session != "":
		return fieldError("ttl", "stands beside session; send ttl to open a session for this lock alone, or the id of a session")
	case b.ttl != 0 && b.once.Seq != 0:
		return fieldError("ttl", "cannot be combined with seq; open a session with POST /v1/sessions and send its id")
	case b.wait > 0 && b.ttl == 0 && b.session == "":
		return fieldError("wait", "needs session or ttl, so that nobody waits for a client that is gone; send one of them")
	}
	op := &a.op
	op.Run, op.Wait, op.TTL, op.Reason = b.run, time.Duration(b.wait), time.Duration(b.ttl), b.reason
	if b.session == "" {
		op.Client = r.caller()
	}
	if op.TTL > 0 {
		op.Nonce = nonce()
	}
	a.command.Op = op
	return within(b.session, &b.once, &a.command)
}

// nonce makes a session id unguessable.
func nonce() uint64 {
	var b [8]byte
	// crypto/rand.Read never fails.
	_, _ = rand.Read(b[:])
	return binary.BigEndian.Uint64(b[:])
}

// lockWants appends the wants of an acquire of references, merged.
func lockWants(b *api.LockAcquire, wants []gate.Want) ([]gate.Want, error) {
	if b.Refs == nil {
		if b.Ref == "" {
			return nil, fieldError("ref", "is missing; send ref or refs")
		}
		want, err := lockWant("ref", api.LockWant{Ref: b.Ref, Mode: b.Mode, Scope: b.Scope})
		return append(wants, want), err
	}
	if err := notBesideRefs(b.Ref != "", b.Mode != "", b.Scope != ""); err != nil {
		return nil, err
	}
	wants = slices.Grow(wants, len(b.Refs))
	for i, ref := range b.Refs {
		want, err := lockWant(refField(i), ref)
		if err != nil {
			return nil, err
		}
		wants = append(wants, want)
	}
	return gate.MergeWants(wants), nil
}

// refField is the path of the ith reference's name in a body.
func refField(i int) string {
	if i == 0 {
		return "refs[0].ref"
	}
	return fmt.Sprintf("refs[%d].ref", i)
}

func notBesideRefs(ref, mode, scope bool) error {
	switch {
	case ref:
		return fieldError("ref", "stands beside refs; send one of the two")
	case mode:
		return fieldError("mode", "stands beside refs; give each entry of refs its mode")
	case scope:
		return fieldError("scope", "stands beside refs; give each entry of refs its scope")
	}
	return nil
}

func lockWant(field string, w api.LockWant) (gate.Want, error) {
	name, err := refName(field, w.Ref)
	return gate.Want{Name: name, Mode: gateMode(w.Mode), Scope: gateScope(w.Scope)}, err
}

func gateMode(m api.Mode) gate.Mode {
	if m == api.Shared {
		return gate.Shared
	}
	return gate.Exclusive
}

func gateScope(s api.Scope) gate.Scope {
	if s == api.Tree {
		return gate.Tree
	}
	return gate.Node
}

// lockGives appends the names of a release, each once.
func lockGives(b *api.LockRelease, gives []gate.Give) ([]gate.Give, error) {
	if b.Refs == nil {
		if b.Ref == "" {
			return nil, fieldError("ref", "is missing; send ref or refs")
		}
		name, err := refName("ref", b.Ref)
		return append(gives, gate.Give{Name: name, Token: b.Token}), err
	}
	switch {
	case b.Ref != "":
		return nil, fieldError("ref", "stands beside refs; send one of the two")
	case b.Token != 0:
		return nil, fieldError("token", "stands beside refs; give each entry of refs its token")
	}
	for i, ref := range b.Refs {
		name, err := refName(refField(i), ref.Ref)
		if err == nil {
			gives, err = addGive(gives, gate.Give{Name: name, Token: ref.Token})
		}
		if errors.Is(err, errTwoTokens) {
			return nil, fieldError(fmt.Sprintf("refs[%d].token", i), err.Error())
		}
		if err != nil {
			return nil, err
		}
	}
	return gives, nil
}

var errTwoTokens = errors.New("differs from another token for the same reference; send the token of the hold")

// addGive adds a name to a release; the same name twice is one.
func addGive(gives []gate.Give, g gate.Give) ([]gate.Give, error) {
	for i := range gives {
		known := &gives[i]
		switch {
		case known.Name != g.Name:
			continue
		case known.Token == 0:
			known.Token = g.Token
		case g.Token != 0 && g.Token != known.Token:
			return nil, errTwoTokens
		}
		return gives, nil
	}
	return append(gives, g), nil
}
