package httpapi

import (
	"lockd/api"
	"lockd/gate"
)

func releaseKey(r *request) (operation, error) {
	b := &r.work.keyRelease
	*b = api.KeyRelease{}
	if err := readBody(r, false, keyReleaseFields, b); err != nil {
		return operation{}, err
	}
	name, err := keyName("key", b.Key)
	if err == nil {
		err = checkRun(b.RunID)
	}
	if err != nil {
		return operation{}, err
	}
	a := &releasing{give: [1]gate.Give{{Name: name, Token: b.Token}}}
	a.op.Gives = a.give[:]
	return a.release(gate.Key, b.RunID, b.Session, &b.Once)
}

func breakKey(r *request) (operation, error) {
	var b api.KeyBreak
	if err := readBody(r, false, keyBreakFields, &b); err != nil {
		return operation{}, err
	}
	name, err := keyName("key", b.Key)
	return r.breakHold(name, err, broken{b.Token, b.Reason, b.Client, b.Session, b.Once})
}

func breakLock(r *request) (operation, error) {
	var b api.LockBreak
	if err := readBody(r, false, lockBreakFields, &b); err != nil {
		return operation{}, err
	}
	name, err := refName("ref", b.Ref)
	return r.breakHold(name, err, broken{b.Token, b.Reason, b.Client, b.Session, b.Once})
}

// broken is what the two kinds of break have in common.
type broken struct {
	token   uint64
	reason  string
	client  *api.Client
	session string
	once    api.Once
}

// breakHold breaks a hold. The token says which one the operator looked at, and
// the reason is for those who ask later.
func (r *request) breakHold(name gate.Name, err error, b broken) (operation, error) {
	switch {
	case err != nil:
	case b.token == 0:
		err = fieldError("token", "is missing; send the token of the hold to be broken")
	case b.reason == "":
		err = fieldError("reason", "is missing; say why, for those who ask later")
	}
	op := &gate.Break{Name: name, Token: b.token, Reason: b.reason, Actor: r.callerHost()}
	if b.client != nil {
		op.Client = gate.Client{Name: b.client.Name, Host: b.client.Host, PID: b.client.PID}
	}
	return commandOf(name.Kind, err, b.session, b.once, op)
}

// commandOf returns the operation that carries out op, unless err refuses it.
func commandOf(kind gate.Kind, err error, session string, once api.Once, op gate.Op) (operation, error) {
	if err != nil {
		return operation{}, err
	}
	cmd := &gate.Command{Op: op}
	return operation{command: cmd, kind: kind}, within(session, &once, cmd)
}

func getKey(r *request) (operation, error) {
	text, clean := unescapeClean(r.arg)
	if !clean {
		return operation{}, fieldError("key", "does not survive a URL path (an empty, . or .. segment); use GET /v1/keys?key= with the key percent-encoded")
	}
	name, err := keyName("key", text)
	return r.ask(query{op: askName, kind: name.Kind, text: name.Text}, err)
}

func listKeys(r *request) (operation, error) {
	if !r.params.Has("key") {
		return r.askNames(gate.Key)
	}
	name, err := keyName("key", r.params.Get("key"))
	if err == nil {
		err = r.notBeside("key", "prefix", "after", "limit")
	}
	return r.ask(query{op: askName, kind: name.Kind, text: name.Text}, err)
}
