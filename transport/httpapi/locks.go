package httpapi

import (
	"fmt"
	"net/url"

	"lockd/api"
	"lockd/gate"
)

func (s *Server) releaseLocks(x *exchange) {
	var b api.LockRelease
	if !readBody(x, false, lockReleaseFields, &b) {
		return
	}
	gives, err := lockGives(&b)
	if err == nil {
		err = checkRun(b.RunID)
	}
	x.command(gate.Reference, err, b.Session, b.Once, &gate.Release{Run: b.RunID, Gives: gives})
}

func (s *Server) downgradeLock(x *exchange) {
	var b api.LockDowngrade
	if !readBody(x, false, lockDowngradeFields, &b) {
		return
	}
	name, err := refName("ref", b.Ref)
	if err == nil {
		err = checkRun(b.RunID)
	}
	op := &gate.Downgrade{
		Run: b.RunID, Name: name, Token: b.Token, Mode: gateMode(b.Mode), Scope: gateScope(b.Scope),
		KeepMode: b.Mode == "" && b.Scope != "", KeepScope: b.Scope == "",
	}
	if b.Mode == "" && b.Scope == "" {
		op.Mode = gate.Shared
	}
	x.command(gate.Reference, err, b.Session, b.Once, op)
}

// getLock takes any path that canonicalises: unlike keys, all spellings of a
// reference are the same lock.
func (s *Server) getLock(x *exchange) {
	text, err := url.PathUnescape(x.arg)
	if err != nil {
		x.refuseError(fieldError("ref", "is not percent-encoded; use GET /v1/locks?ref="))
		return
	}
	name, err := refName("ref", text)
	x.ask(query{op: askName, kind: name.Kind, text: name.Text}, err)
}

func (s *Server) listLocks(x *exchange) {
	if !x.params.Has("ref") {
		x.askNames(gate.Reference)
		return
	}
	name, err := refName("ref", x.params.Get("ref"))
	if err == nil {
		err = x.notBeside("ref", "prefix", "after", "limit")
	}
	x.ask(query{op: askName, kind: name.Kind, text: name.Text}, err)
}

// notBeside refuses parameters that make no sense beside another.
func (x *exchange) notBeside(one string, others ...string) error {
	for _, other := range others {
		if x.params.Has(other) {
			return fieldError(other, fmt.Sprintf("stands beside %s; send one of the two", one))
		}
	}
	return nil
}

func (s *Server) check(x *exchange) {
	var b api.Check
	if !readBody(x, false, checkFields, &b) {
		return
	}
	name, err := keyOrRef(b.Key, b.Ref)
	if err == nil && b.Token == 0 {
		err = fieldError("token", "is missing; send the token to be checked")
	}
	x.ask(query{op: askCheck, kind: name.Kind, text: name.Text, number: b.Token}, err)
}
