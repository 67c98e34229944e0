package gate_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockd/gate"
)

var errDiffer = errors.New("table and model differ")

// pair applies every command to a table and to the model and compares all that
// can be seen of both.
type pair struct {
	table *gate.Table
	model *model
	// names are those that commands use; they are looked up after each.
	names []gate.Name
	runs  []string
	// running is what a timekeeper that heeds every Timer would have running.
	running map[gate.Timer]bool
	applied int
	// thorough is after how many commands everything is compared that can be
	// read, and not only outcomes, locks and the table's own check.
	thorough int
	// lastCode is that of the newest result.
	lastCode gate.Code
	// outcome is the same memory for every command, as on a follower: the table may
	// keep nothing of it.
	outcome gate.Outcome
}

// young is few, so that tables of some holds are like those of very many.
const young = 2

func newPair(names []gate.Name, runs []string) *pair {
	p := &pair{table: gate.New(), model: newModel(), names: names, runs: runs, running: map[gate.Timer]bool{}, thorough: 1}
	p.table.KeepYoung(young)
	return p
}

// apply returns the model's outcome, and an error if the table's is another.
func (p *pair) apply(cmd *gate.Command, now gate.Wall) (gate.Outcome, error) {
	p.applied++
	repeat := p.model.keptOf(cmd) != nil
	var refusal gate.Result
	var refused bool
	if cmd.IsTry() {
		refusal, refused = p.table.Snapshot().Refusal(cmd)
	}
	p.outcome.Reset()
	p.table.ApplyTo(&p.outcome, cmd, now)
	got := p.outcome
	want := p.model.Apply(cmd, now)
	if !repeat {
		p.adoptCycle(cmd, &want.Result, got.Result)
	}
	p.lastCode = got.Result.Code
	p.run(got.Timers)
	return want, errors.Join(compareOutcomes(got, want), compareRefusals(cmd, refused, refusal, got.Result), p.compareStates())
}

// compareRefusals compares what a reader was told of a try with what it came to.
func compareRefusals(cmd *gate.Command, refused bool, refusal, got gate.Result) error {
	switch {
	case refused != (cmd.IsTry() && got.Code == gate.Occupied):
		return fmt.Errorf("refused for a reader: %t, but the answer is %s", refused, resultLine(got))
	case refused && resultLine(refusal) != resultLine(got):
		return differ("refusal", resultLine(refusal), resultLine(got))
	}
	return nil
}

// adoptCycle lets the model give the table's cycle, when that is one: the rules
// do not say which of several cycles a refusal names.
func (p *pair) adoptCycle(cmd *gate.Command, want *gate.Result, got gate.Result) {
	a, ok := cmd.Op.(*gate.Acquire)
	if !ok || want.Code != gate.Deadlock || !p.model.isCycle(got.Cycle, a.Run, a.Wants, max(a.Limit, 1)) {
		return
	}
	want.Cycle = got.Cycle
	if k := p.model.keptOf(cmd); k != nil {
		k.result.Cycle = got.Cycle
	}
}

func compareOutcomes(got, want gate.Outcome) error {
	if g, w := resultLine(got.Result), resultLine(want.Result); g != w {
		return differ("result", g, w)
	}
	if g, w := answersText(got.Answers), answersText(want.Answers); g != w {
		return differ("late answers", g, w)
	}
	if g, w := eventsText(got.Events), eventsText(want.Events); g != w {
		return differ("events", g, w)
	}
	if g, w := startedText(got.Timers), startedText(want.Timers); g != w {
		return differ("timers started", g, w)
	}
	return nil
}

// differ is an error that shows the lines in which the two texts differ.
func differ(what, got, want string) error {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	only := func(lines, others []string) string {
		lines = slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return slices.Contains(others, l) })
		return strings.Join(lines, "\n")
	}
	if onlyGot, onlyWant := only(g, w), only(w, g); onlyGot != onlyWant {
		return fmt.Errorf("%w in %s:\ntable:\n%s\nmodel:\n%s", errDiffer, what, onlyGot, onlyWant)
	}
	return fmt.Errorf("%w in the order of %s:\ntable:\n%s\nmodel:\n%s", errDiffer, what, got, want)
}

func answersText(answers []gate.Answer) string {
	var w lines
	for _, a := range answers {
		w.add("request %d: %s", a.Request, resultLine(a.Result))
	}
	return strings.Join(w, "\n")
}

// eventsText writes the events with those of grants in their order and the
// others sorted.
func eventsText(events []gate.Event) string {
	var w, grants lines
	for _, e := range events {
		to := &w
		if e.Kind == gate.EventAcquired || e.Kind == gate.EventMoved {
			to = &grants
		}
		to.add("%v at=%d %v %q run=%s session=%v %v %v token=%d request=%d reason=%q actor=%q term=%d leader=%s url=%s",
			e.Kind, e.At, e.Name.Kind, e.Name.Text, e.Run, e.Session, e.Mode, e.Scope, e.Token, e.Request,
			e.Reason, e.Actor, e.Term, e.Leader, e.ClientURL)
	}
	return w.sorted() + "\n" + strings.Join(grants, "\n")
}

// startedText writes the timers that a command starts or restarts.
func startedText(timers []gate.Timer) string {
	var w lines
	for _, t := range timers {
		if t.After > 0 {
			w.add("%d %d %v", t.Kind, t.ID, t.After)
		}
	}
	slices.Sort(w)
	return strings.Join(slices.Compact(w), "\n")
}

// run heeds the table's timers as a timekeeper does.
func (p *pair) run(timers []gate.Timer) {
	for _, t := range timers {
		maps.DeleteFunc(p.running, func(o gate.Timer, _ bool) bool { return o.Kind == t.Kind && o.ID == t.ID })
		if t.After > 0 {
			p.running[t] = true
		}
	}
}

// compareStates checks the table and compares what can be read of it.
func (p *pair) compareStates() error {
	if err := p.table.Check(); err != nil {
		return fmt.Errorf("the table's own check: %w", err)
	}
	v := p.table.Snapshot()
	for _, name := range p.names {
		if got, want := lockText(v.Lock(name)), lockText(p.model.Lock(name)); got != want {
			return differ("lock "+name.Text, got, want)
		}
		if got, want := historyText(v.History(name)), historyText(pointers(p.model.history(name))); got != want {
			return differ("history of "+name.Text, got, want)
		}
	}
	if p.applied%p.thorough != 0 {
		return nil
	}
	if got, want := stateOf(v), p.model.state(); got != want {
		return differ("state", got, want)
	}
	for _, run := range p.runs {
		if got, want := runText(v.Run(run)), runText(p.model.run(run)); got != want {
			return differ("run "+run, got, want)
		}
	}
	return errors.Join(p.compareValid(v), p.compareLists(v))
}

// compareValid compares which tokens are holds.
func (p *pair) compareValid(v *gate.View) error {
	for _, name := range p.names {
		for token := range p.model.counters.Token + 2 {
			got, gotCurrent := v.Valid(name, token)
			want, wantCurrent := p.model.valid(name, token)
			if got != want || !slices.Equal(gotCurrent, wantCurrent) {
				return differ("validity of "+name.Text, fmt.Sprint(token, got, gotCurrent), fmt.Sprint(token, want, wantCurrent))
			}
		}
	}
	return nil
}

// compareLists compares the listings, sizes and timers.
func (p *pair) compareLists(v *gate.View) error {
	for _, kind := range []gate.Kind{gate.Key, gate.Reference} {
		for _, prefix := range []string{"", "a", "a/", "k1"} {
			var got []gate.Name
			for after, more := "", true; more; {
				var page []gate.Lock
				page, more = v.Locks(kind, prefix, after, 2)
				for _, l := range page {
					got, after = append(got, l.Name), l.Name.Text
				}
			}
			if want := p.model.locks(kind, prefix); !slices.Equal(got, want) {
				return differ("names with prefix "+prefix, fmt.Sprint(got), fmt.Sprint(want))
			}
		}
	}
	for _, s := range p.model.sessions {
		holds, requests := v.SessionHolds(s.ID.Number)
		wantHolds, wantRequests := p.model.hangingOn(s.ID)
		if holds != wantHolds || requests != wantRequests {
			return differ("what hangs on "+s.ID.String(), fmt.Sprint(holds, requests), fmt.Sprint(wantHolds, wantRequests))
		}
	}
	if got, want := fmt.Sprintf("%+v", v.Size()), fmt.Sprintf("%+v", p.model.size()); got != want {
		return differ("size", got, want)
	}
	want, got := map[gate.Timer]bool{}, map[gate.Timer]bool{}
	for _, t := range p.model.timers() {
		want[t] = true
	}
	for t := range v.Timers() {
		got[t] = true
	}
	if !maps.Equal(got, want) {
		return differ("timers of a new leader", fmt.Sprint(got), fmt.Sprint(want))
	}
	if !maps.Equal(p.running, want) {
		return differ("timers running", fmt.Sprint(p.running), fmt.Sprint(want))
	}
	return nil
}

func lockText(l gate.Lock) string {
	var w lines
	w.add("%v %q limit=%d", l.Name.Kind, l.Name.Text, l.Limit)
	for _, h := range l.Holders {
		w.add("%s", holdLine(h))
	}
	for _, x := range l.Waiters {
		w.add("waits %s %v %v position=%d blocked_by=%v", requestLine(*x.Request), x.Mode, x.Scope, x.Position,
			slices.Sorted(slices.Values(x.BlockedBy)))
	}
	for _, h := range slices.SortedFunc(slices.Values(l.CoveredBy), byName) {
		w.add("covered by %s", holdLine(h))
	}
	return strings.Join(w, "\n")
}

func historyText(list []*gate.Ending) string {
	var w lines
	for _, e := range list {
		w.add("%s", endingLine(*e))
	}
	return strings.Join(w, "\n")
}

func pointers[T any](list []T) []*T {
	var to []*T
	for i := range list {
		to = append(to, &list[i])
	}
	return to
}

func runText(holds []*gate.Hold, request *gate.Request) string {
	var w lines
	for _, h := range holds {
		w.add("%s", holdLine(*h))
	}
	if request != nil {
		w.add("%s", requestLine(*request))
	}
	return w.sorted()
}

// reload writes the table out through its newest version and reads it back.
func (p *pair) reload() error {
	v := p.table.Snapshot()
	l := gate.NewLoader(v.Counters())
	for s := range v.AllSessions() {
		l.Session(s)
	}
	for x := range v.AllLedgers() {
		l.Ledger(x)
	}
	for a := range v.AllAnswers() {
		l.Answer(a)
	}
	for h := range v.AllHolds() {
		l.Hold(h)
	}
	for r := range v.AllRequests() {
		l.Request(r)
	}
	for e := range v.AllEndings() {
		l.Ending(e)
	}
	table, err := l.Table()
	if err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	if got, want := table.Snapshot().Hash(), v.Hash(); got != want {
		return fmt.Errorf("%w: hash %x after the reload, %x before", errDiffer, got, want)
	}
	p.table = table
	p.table.KeepYoung(young)
	return p.compareStates()
}
