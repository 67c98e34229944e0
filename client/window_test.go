package client

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestAWindowTellsWhichAnswersWereSeen(t *testing.T) {
	var w window
	a, b, c := w.next(), w.next(), w.next()
	if a.seq != 1 || b.seq != 2 || c.seq != 3 || c.acked != 0 || c.done != nil {
		t.Fatalf("tickets %+v %+v %+v", a, b, c)
	}
	w.finish(b, true)
	d := w.next()
	if d.acked != 0 || !slices.Equal(d.done, []uint64{2}) {
		t.Errorf("after 2: %+v", d)
	}
	w.finish(d, true) // the server knows of 2 now
	e := w.next()
	if e.acked != 0 || !slices.Equal(e.done, []uint64{4}) {
		t.Errorf("after 4: %+v", e)
	}
	w.finish(e, false) // whether it knows of 4 is open
	f := w.next()
	if f.acked != 0 || !slices.Equal(f.done, []uint64{4, 5}) {
		t.Errorf("after 5: %+v", f)
	}
	w.finish(a, true)
	g := w.next()
	if g.acked != 2 || !slices.Equal(g.done, []uint64{4, 5}) {
		t.Errorf("after 1: %+v", g)
	}
	w.finish(c, true)
	if h := w.next(); h.acked != 5 || h.done != nil {
		t.Errorf("after 3: %+v", h)
	}
}

// However answers come and go, what a window says never covers an open command,
// and in the end the server knows of all.
func TestAWindowNeverGivesUpAnOpenCommand(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var w window
	var open []ticket
	known := map[uint64]bool{}
	for range 20_000 {
		if len(open) < 50 && r.IntN(2) == 0 {
			x := w.next()
			for _, o := range open {
				if o.seq <= x.acked || slices.Contains(x.done, o.seq) {
					t.Fatalf("%+v covers the open %d", x, o.seq)
				}
			}
			if len(x.done) > 100 {
				t.Fatalf("%d done seqs in one command", len(x.done))
			}
			open = append(open, x)
		} else if len(open) > 0 {
			i := r.IntN(len(open))
			told := r.IntN(4) > 0
			if told {
				for _, seq := range open[i].done {
					known[seq] = true
				}
			}
			w.finish(open[i], told)
			open = slices.Delete(open, i, i+1)
		}
	}
	for _, o := range open {
		w.finish(o, true)
	}
	if last := w.next(); last.acked != last.seq-1 || len(w.finished) != 0 {
		t.Errorf("%+v, with %d kept", last, len(w.finished))
	}
	if len(known) == 0 {
		t.Error("nothing was ever told")
	}
}
