package httpapi

import (
	"lockd/api"
	"lockd/gate"
)

func (s *Server) releaseKey(x *exchange) {
	var b api.KeyRelease
	if !readBody(x, false, keyReleaseFields, &b) {
		return
	}
	name, err := keyName("key", b.Key)
	if err == nil {
		err = checkRun(b.RunID)
	}
	op := &gate.Release{Run: b.RunID, Gives: []gate.Give{{Name: name, Token: b.Token}}}
	x.command(gate.Key, err, b.Session, b.Once, op)
}

func (s *Server) breakKey(x *exchange) {
	var b api.KeyBreak
	if !readBody(x, false, keyBreakFields, &b) {
		return
	}
	name, err := keyName("key", b.Key)
	x.breakHold(name, err, b.Token, b.Reason, b.Session, b.Once)
}

func (s *Server) breakLock(x *exchange) {
	var b api.LockBreak
	if !readBody(x, false, lockBreakFields, &b) {
		return
	}
	name, err := refName("ref", b.Ref)
	x.breakHold(name, err, b.Token, b.Reason, b.Session, b.Once)
}

// breakHold breaks a hold. The token says which one the operator looked at, and
// the reason is for those who ask later.
func (x *exchange) breakHold(name gate.Name, err error, token uint64, reason, session string, once api.Once) {
	switch {
	case err != nil:
	case token == 0:
		err = fieldError("token", "is missing; send the token of the hold to be broken")
	case reason == "":
		err = fieldError("reason", "is missing; say why, for those who ask later")
	}
	op := &gate.Break{Name: name, Token: token, Reason: reason, Actor: x.callerHost()}
	x.command(name.Kind, err, session, once, op)
}

// command carries out op and answers it, unless err refuses it.
func (x *exchange) command(kind gate.Kind, err error, session string, once api.Once, op gate.Op) {
	var cmd *gate.Command
	if err == nil {
		cmd, err = command(session, once, op)
	}
	if err != nil {
		x.refuseError(err)
		return
	}
	if reply, ok := x.do(cmd); ok {
		x.result(kind, cmd, reply.Result)
	}
}

func (s *Server) getKey(x *exchange) {
	text, clean := unescapeClean(x.arg)
	if !clean {
		x.refuseError(fieldError("key", "does not survive a URL path (an empty, . or .. segment); use GET /v1/keys?key= with the key percent-encoded"))
		return
	}
	name, err := keyName("key", text)
	x.ask(query{op: askName, kind: name.Kind, text: name.Text}, err)
}

func (s *Server) listKeys(x *exchange) {
	if !x.params.Has("key") {
		x.askNames(gate.Key)
		return
	}
	name, err := keyName("key", x.params.Get("key"))
	if err == nil {
		err = x.notBeside("key", "prefix", "after", "limit")
	}
	x.ask(query{op: askName, kind: name.Kind, text: name.Text}, err)
}
