package fault

import (
	"time"

	"lockd/api"
	"lockd/test/history"
)

func acquireBody(op *history.Op, wait time.Duration, once api.Once) (string, any) {
	poll, session := api.Duration(pollTime), op.Session
	if op.TTL > 0 {
		// Sent again, it could be granted anew after the end of its session.
		poll, session = api.Duration(wait+time.Second), ""
	}
	if first := op.Wants[0].Name; first.IsKey() {
		return "/v1/keys/acquire", api.KeyAcquire{
			Key: first.Text(), RunID: op.Run, Session: session, TTL: api.Duration(op.TTL), Limit: uint32(op.Limit), Wait: api.Duration(wait), Poll: &poll, Once: once,
		}
	}
	body := api.LockAcquire{
		RunID: op.Run, Session: session, TTL: api.Duration(op.TTL), Wait: api.Duration(wait), Poll: &poll, Once: once,
	}
	for _, want := range op.Wants {
		mode, scope := strength(want)
		body.Refs = append(body.Refs, api.LockWant{Ref: want.Name.Text(), Mode: mode, Scope: scope})
	}
	return "/v1/locks/acquire", body
}

// strength is a want's mode and scope in the API's words.
func strength(want history.Want) (api.Mode, api.Scope) {
	mode, scope := api.Exclusive, api.Node
	if want.Shared {
		mode = api.Shared
	}
	if want.Tree {
		scope = api.Tree
	}
	return mode, scope
}

func releaseBody(op *history.Op, once api.Once) (string, any) {
	if first := op.Wants[0]; first.Name.IsKey() {
		return "/v1/keys/release", api.KeyRelease{
			Key: first.Name.Text(), RunID: op.Run, Token: first.Token, Session: op.Session, Once: once,
		}
	}
	body := api.LockRelease{RunID: op.Run, Session: op.Session, Once: once}
	for _, want := range op.Wants {
		body.Refs = append(body.Refs, api.LockGive{Ref: want.Name.Text(), Token: want.Token})
	}
	return "/v1/locks/release", body
}

func downgradeBody(op *history.Op, once api.Once) (string, any) {
	want := op.Wants[0]
	mode, scope := strength(want)
	return "/v1/locks/downgrade", api.LockDowngrade{
		Ref: want.Name.Text(), RunID: op.Run, Token: want.Token, Mode: mode, Scope: scope, Session: op.Session, Once: once,
	}
}

func breakBody(op *history.Op, once api.Once) (string, any) {
	const reason = "to see what happens"
	want, session := op.Wants[0], op.Session
	if once.Seq == 0 {
		session = ""
	}
	if want.Name.IsKey() {
		return "/v1/keys/break", api.KeyBreak{Key: want.Name.Text(), Token: want.Token, Reason: reason, Session: session, Once: once}
	}
	return "/v1/locks/break", api.LockBreak{Ref: want.Name.Text(), Token: want.Token, Reason: reason, Session: session, Once: once}
}

// complete puts what a decided command was answered into its record.
func complete(op *history.Op, a answer, outcome history.Outcome) {
	switch {
	case outcome == history.Occupied:
		p := a.problem()
		for _, c := range p.Conflicts {
			op.Holders = append(op.Holders, holders(history.Ref(c.Ref), c.Holders)...)
		}
		if p.Key != "" {
			op.Holders = holders(history.Key(p.Key), p.Holders)
		}
	case (op.Kind == history.Acquire || op.Kind == history.Downgrade) && outcome == history.OK:
		granted := decode[struct {
			Token uint64          `json:"token"`
			Locks []api.LockGrant `json:"locks"`
		}](a)
		op.Wants[0].Token = granted.Token
		settle(op, granted.Locks)
	}
}

// settle puts the tokens of references into the record of what was granted.
func settle(op *history.Op, locks []api.LockGrant) {
	for i, want := range op.Wants {
		for _, l := range locks {
			if history.Ref(l.Ref) == want.Name {
				op.Wants[i].Token = l.Token
			}
		}
	}
}
