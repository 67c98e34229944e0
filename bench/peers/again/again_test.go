package again

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"lockd/bench/system"
)

var errAway, errRefused, errFinal = errors.New("away"), errors.New("refused"), errors.New("final")

func judge(err error) Verdict {
	switch {
	case errors.Is(err, errAway):
		return Cut
	case errors.Is(err, errRefused):
		return Refused
	}
	return Final
}

func TestWhatMayComeRightIsRepeatedAndCounted(t *testing.T) {
	for name, c := range map[string]struct {
		script   []error
		want     error
		unsure   bool
		troubles system.Troubles
	}{
		"at once":       {[]error{nil}, nil, false, system.Troubles{}},
		"refused first": {[]error{errRefused, nil}, nil, false, system.Troubles{Refused: 1}},
		"cut first":     {[]error{errRefused, errAway, errFinal}, errFinal, true, system.Troubles{Refused: 1, Cut: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var troubles system.Troubles
				unsure, err := Until(t.Context(), &troubles, judge, func(context.Context) error {
					next := c.script[0]
					c.script = c.script[1:]
					return next
				})
				if !errors.Is(err, c.want) || unsure != c.unsure || troubles != c.troubles {
					t.Errorf("%v, unsure %v, %+v", err, unsure, troubles)
				}
			})
		})
	}
}

func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := Until(t.Context(), new(system.Troubles), judge, func(context.Context) error { return errAway })
		if !errors.Is(err, errAway) {
			t.Errorf("%v, want the last failure", err)
		}
	})
}
