package history

import (
	"fmt"
	"strings"
)

// A Rule is what a history may break.
type Rule string

// The rules.
const (
	Exclusion Rule = "two conflicting holds"
	LostHold  Rule = "a hold was lost"
	Tokens    Rule = "tokens do not rise"
	StaleRead Rule = "a read shows what is over"
	Phantom   Rule = "an answer shows a hold that nobody asked for"
	Order     Rule = "not first come first served"
	RealTime  Rule = "the index order contradicts real time"
	Early     Rule = "a session ended before its TTL"
	Returned  Rule = "a session came back from its end"
	DeadGrant Rule = "a grant to a session that had ended"
	NoOrder   Rule = "no order explains the answers"
	Delay     Rule = "a lock delay was not kept"
	Twice     Rule = "a hold ended twice"
	BadRecord Rule = "the record is not usable"
)

// A Violation is one rule that a history breaks, with the operations that show it.
type Violation struct {
	Rule Rule
	Text string
	Ops  []Op
}

// String shows the violation and its operations, one a line.
func (v Violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", v.Rule, v.Text)
	for _, op := range v.Ops {
		fmt.Fprintf(&b, "\n    %s", op)
	}
	return b.String()
}

// String is one line with all that matters.
func (o Op) String() string {
	end := "never"
	if o.End != Never {
		end = fmt.Sprintf("%.6f", float64(o.End)/1e9)
	}
	exact := "<="
	if o.Exact {
		exact = "="
	}
	return fmt.Sprintf("%.6f..%s %s@%s %s %v run=%s session=%s: %s index%s%d holders=%v %s",
		float64(o.Start)/1e9, end, o.Client, o.Node, o.Kind, o.Wants, o.Run, o.Session, o.Outcome, exact, o.Index, o.Holders, o.Note)
}
