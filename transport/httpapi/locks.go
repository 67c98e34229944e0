package httpapi

import (
	"net/url"

	"lockd/api"
	"lockd/gate"
)

func releaseLocks(r *request) (operation, error) {
	b := &r.work.lockRelease
	*b = api.LockRelease{}
	if err := readBody(r, false, lockReleaseFields, b); err != nil {
		return operation{}, err
	}
	a := new(releasing)
	gives, err := lockGives(b, a.give[:0])
	if err == nil {
		err = checkRun(b.RunID)
	}
	if err != nil {
		return operation{}, err
	}
	a.op.Gives = gives
	return a.release(gate.Reference, b.RunID, b.Session, &b.Once)
}

func downgradeLock(r *request) (operation, error) {
	var b api.LockDowngrade
	if err := readBody(r, false, lockDowngradeFields, &b); err != nil {
		return operation{}, err
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
	return commandOf(gate.Reference, err, b.Session, b.Once, op)
}

// getLock takes any path that canonicalises: unlike keys, all spellings of a
// reference are the same lock.
func getLock(r *request) (operation, error) {
	text, err := url.PathUnescape(r.arg)
	if err != nil {
		return operation{}, fieldError("ref", "is not percent-encoded; use GET /v1/locks?ref=")
	}
	name, err := refName("ref", text)
	return r.ask(query{op: askName, kind: name.Kind, text: name.Text}, err)
}

func listLocks(r *request) (operation, error) {
	if !r.params.Has("ref") {
		return r.askNames(gate.Reference)
	}
	name, err := refName("ref", r.params.Get("ref"))
	if err == nil {
		err = r.notBeside("ref", "prefix", "after", "limit")
	}
	return r.ask(query{op: askName, kind: name.Kind, text: name.Text}, err)
}

func check(r *request) (operation, error) {
	var b api.Check
	if err := readBody(r, false, checkFields, &b); err != nil {
		return operation{}, err
	}
	name, err := keyOrRef(b.Key, b.Ref)
	if err == nil && b.Token == 0 {
		err = fieldError("token", "is missing; send the token to be checked")
	}
	return r.ask(query{op: askCheck, kind: name.Kind, text: name.Text, number: b.Token}, err)
}
