package fsm

import (
	"lockd/gate"

	"google.golang.org/protobuf/encoding/protowire"
)

// spareOps are the operations of one batch, whose memory the next one's are decoded
// into. The table keeps no operation, and of what these two refer to, texts apart,
// only the wants of one that may wait.
type spareOps struct {
	acquires spares[gate.Acquire]
	releases spares[gate.Release]
}

// reset makes all of the memory free.
func (s *spareOps) reset() { s.acquires.used, s.releases.used = 0, 0 }

// next returns an operation of the field, in memory that is free and all zero; nil if
// there is none of that kind.
func (s *spareOps) next(num protowire.Number) gate.Op {
	switch {
	case s == nil:
		return nil
	case num == acquireField:
		x := s.acquires.next()
		if x.Wait != 0 || cap(x.Wants) > maxSpareNames {
			x.Wants = nil
		}
		clear(x.Wants)
		*x = gate.Acquire{Wants: x.Wants[:0]}
		return x
	case num == releaseField:
		x := s.releases.next()
		if cap(x.Gives) > maxSpareNames {
			x.Gives = nil
		}
		clear(x.Gives)
		*x = gate.Release{Gives: x.Gives[:0]}
		return x
	}
	return nil
}

// spares are values of one kind, of which some are in use.
type spares[T any] struct {
	all  []*T
	used int
}

func (s *spares[T]) next() *T {
	if s.used == len(s.all) {
		s.all = append(s.all, new(T))
	}
	s.used++
	return s.all[s.used-1]
}
