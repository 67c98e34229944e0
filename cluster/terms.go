package cluster

import (
	"slices"
	"sync/atomic"
)

// termSet has the last few terms that were added to it, in rising order. One
// goroutine adds; any may ask.
type termSet struct{ terms atomic.Pointer[[]uint64] }

func (s *termSet) add(term uint64) {
	var next []uint64
	if old := s.terms.Load(); old != nil {
		next = (*old)[max(0, len(*old)-maxTerms+1):]
	}
	next = append(slices.Clip(next), term)
	s.terms.Store(&next)
}

func (s *termSet) has(term uint64) bool {
	terms := s.terms.Load()
	return terms != nil && slices.Contains(*terms, term)
}
