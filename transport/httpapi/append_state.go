package httpapi

import (
	"strconv"
	"time"

	"lockd/api"
)

// What a query of one name gets, and what a refused acquire does, is written by
// hand, too. A field left out when it is empty follows a comma, so each object
// begins with one that is not.

func appendKeyState(b []byte, s *api.KeyState) []byte {
	b = appendText(append(b, `{"key":`...), s.Key)
	b = strconv.AppendBool(append(b, `,"occupied":`...), s.Occupied)
	b = appendOptional(b, `,"holder_run_id":`, s.HolderRunID)
	b = appendHolds(append(b, `,"holders":`...), s.Holders)
	b = appendWaits(append(b, `,"waiters":`...), s.Waiters)
	b = strconv.AppendUint(append(b, `,"limit":`...), uint64(s.Limit), 10)
	return append(b, '}')
}

func appendLockState(b []byte, s *api.LockState) []byte {
	b = appendText(append(b, `{"ref":`...), s.Ref)
	b = appendHolds(append(b, `,"holders":`...), s.Holders)
	b = appendWaits(append(b, `,"waiters":`...), s.Waiters)
	b = appendHolds(append(b, `,"covered_by":`...), s.CoveredBy)
	return append(b, '}')
}

// appendOptional appends a member, unless it is empty.
func appendOptional[T ~string](b []byte, name string, value T) []byte {
	if value == "" {
		return b
	}
	return appendText(append(b, name...), string(value))
}

// appendList appends a list; null if it is nil.
func appendList[T any](b []byte, list []T, appendOne func([]byte, *T) []byte) []byte {
	if list == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOne(b, &list[i])
	}
	return append(b, ']')
}

func appendTexts(b []byte, list []string) []byte {
	return appendList(b, list, func(b []byte, s *string) []byte { return appendText(b, *s) })
}

func appendHolds(b []byte, holds []api.Hold) []byte { return appendList(b, holds, appendHold) }

func appendHold(b []byte, h *api.Hold) []byte {
	b = append(b, '{')
	if h.RunID != "" {
		b = append(appendText(append(b, `"run_id":`...), h.RunID), ',')
	}
	if h.Session != "" {
		b = append(appendText(append(b, `"session":`...), h.Session), ',')
	}
	b = strconv.AppendUint(append(b, `"token":`...), h.Token, 10)
	b = appendText(append(b, `,"mode":`...), string(h.Mode))
	b = appendOptional(b, `,"scope":`, h.Scope)
	b = append(h.AcquiredAt.AppendFormat(append(b, `,"acquired_at":"`...), time.RFC3339Nano), '"')
	b = strconv.AppendInt(append(b, `,"held_ms":`...), h.HeldMS, 10)
	b = appendOptional(b, `,"reason":`, h.Reason)
	b = appendClient(append(b, `,"client":`...), &h.Client)
	if h.ExpiresInMS != nil {
		b = strconv.AppendInt(append(b, `,"expires_in_ms":`...), *h.ExpiresInMS, 10)
	}
	return append(appendOptional(b, `,"ended":`, h.Ended), '}')
}

func appendWaits(b []byte, waits []api.Wait) []byte { return appendList(b, waits, appendWait) }

func appendWait(b []byte, w *api.Wait) []byte {
	b = appendText(append(b, `{"run_id":`...), w.RunID)
	b = appendText(append(b, `,"session":`...), w.Session)
	b = appendText(append(b, `,"mode":`...), string(w.Mode))
	b = strconv.AppendUint(append(b, `,"position":`...), uint64(w.Position), 10)
	b = strconv.AppendInt(append(b, `,"waited_ms":`...), w.WaitedMS, 10)
	b = appendTexts(append(b, `,"blocked_by":`...), w.BlockedBy)
	return append(appendClient(append(b, `,"client":`...), &w.Client), '}')
}

func appendClient(b []byte, c *api.Client) []byte {
	from := len(b)
	b = appendOptional(b, `,"name":`, c.Name)
	b = appendOptional(b, `,"host":`, c.Host)
	if c.PID != 0 {
		b = strconv.AppendUint(append(b, `,"pid":`...), uint64(c.PID), 10)
	}
	if len(b) == from {
		return append(b, "{}"...)
	}
	b[from] = '{' // the first comma
	return append(b, '}')
}

func appendConflict(b []byte, c *api.Conflict) []byte {
	b = appendText(append(b, `{"ref":`...), c.Ref)
	b = appendHolds(append(b, `,"holders":`...), c.Holders)
	return append(strconv.AppendUint(append(b, `,"waiting":`...), uint64(c.Waiting), 10), '}')
}

// appendProblem appends a problem and returns its status.
func appendProblem(b []byte, p *api.Problem) ([]byte, int) {
	b = appendText(append(b, `{"type":`...), p.Type)
	b = appendText(append(b, `,"title":`...), p.Title)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(p.Status), 10)
	b = appendText(append(b, `,"detail":`...), p.Detail)
	b = appendText(append(b, `,"code":`...), string(p.Code))
	b = strconv.AppendBool(append(b, `,"retryable":`...), p.Retryable)
	b = appendText(append(b, `,"applied":`...), string(p.Applied))
	b = appendOptional(b, `,"result":`, p.Result)
	b = appendOptional(b, `,"key":`, p.Key)
	b = appendOptional(b, `,"holder_run_id":`, p.HolderRunID)
	if p.Holders != nil {
		b = appendHolds(append(b, `,"holders":`...), p.Holders)
	}
	if p.Waiting != nil {
		b = strconv.AppendUint(append(b, `,"waiting":`...), uint64(*p.Waiting), 10)
	}
	if p.Conflicts != nil {
		b = appendList(append(b, `,"conflicts":`...), p.Conflicts, appendConflict)
	}
	if p.WaitedMS != nil {
		b = strconv.AppendInt(append(b, `,"waited_ms":`...), *p.WaitedMS, 10)
	}
	if p.Withdrawn {
		b = append(b, `,"withdrawn":true`...)
	}
	b = appendOptional(b, `,"attempting_run_id":`, p.AttemptingRunID)
	if p.Refs != nil {
		b = appendTexts(append(b, `,"refs":`...), p.Refs)
	}
	if p.Cycle != nil {
		b = appendTexts(append(b, `,"cycle":`...), p.Cycle)
	}
	if p.Limit != 0 {
		b = strconv.AppendUint(append(b, `,"limit":`...), uint64(p.Limit), 10)
	}
	return append(b, '}'), p.Status
}
