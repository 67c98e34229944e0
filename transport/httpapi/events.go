package httpapi

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"lockd/api"
	"lockd/cluster"
	"lockd/gate"
)

// eventFilter says which events a stream wants.
type eventFilter struct {
	prefix string
	kinds  []string
}

func (f *eventFilter) wants(e *gate.Event) bool {
	if len(f.kinds) > 0 && !slices.Contains(f.kinds, e.Kind.String()) {
		return false
	}
	return f.prefix == "" || e.Name.Kind != 0 && strings.HasPrefix(e.Name.Text, f.prefix)
}

var eventKinds = []api.EventKind{
	api.EventAcquired, api.EventReleased, api.EventExpired, api.EventBroken, api.EventMoved, api.EventQueued,
	api.EventLeft, api.EventSessionOpened, api.EventSessionClosed, api.EventSessionExpired, api.EventLeader,
}

// eventFilter reads the parameters of a stream: kind may be given more than
// once, or with commas.
func (x *exchange) eventFilter() (*eventFilter, error) {
	f := &eventFilter{prefix: x.params.Get("prefix")}
	if !plainText(f.prefix) {
		return nil, fieldError("prefix", "is longer than 512 bytes, not UTF-8, or has a control character; no name is like that")
	}
	for _, list := range x.params["kind"] {
		for kind := range strings.SplitSeq(list, ",") {
			if !slices.Contains(eventKinds, api.EventKind(kind)) {
				return nil, fieldError("kind", "is no kind of event; send some of "+joinWords(eventKinds))
			}
			f.kinds = append(f.kinds, kind)
		}
	}
	return f, nil
}

func joinWords[W ~string](words []W) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}

// events streams the changes of the lock table as Server-Sent Events: from now
// on, or from behind Last-Event-ID.
func (s *Server) events(x *exchange) {
	filter, err := x.eventFilter()
	if err != nil {
		x.refuseError(err)
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		x.refuse(api.NewProblem(api.CodeOverloaded, "the node serves as many event streams as it can; try another node"))
		return
	}
	subscription, err := x.subscribe()
	switch {
	case errors.Is(err, cluster.ErrTooOld):
		x.refuse(tooOld())
		return
	case err != nil:
		x.refuseError(err)
		return
	}
	s.meters.streams.Inc()
	defer s.meters.streams.Dec()
	header := x.w.Header()
	header.Set("Content-Type", api.ContentEvents)
	// nginx would collect events until its buffer is full.
	header.Set("X-Accel-Buffering", "no")
	x.begin(http.StatusOK)
	if x.r.Method == http.MethodHead {
		return
	}
	stream := &eventStream{exchange: x, control: http.NewResponseController(x.w), filter: filter}
	stream.run(subscription)
}

func tooOld() *api.Problem {
	return api.NewProblem(api.CodeTooOld, "the events after Last-Event-ID are gone from this node; read the state anew and start a stream without it")
}

func (x *exchange) subscribe() (*cluster.Subscription, error) {
	last := x.r.Header.Get("Last-Event-Id")
	if last == "" {
		return x.s.node.Events().Subscribe(cluster.EventID{})
	}
	index, position, found := strings.Cut(last, "-")
	i, err := strconv.ParseUint(index, 10, 64)
	p, alsoErr := strconv.ParseUint(position, 10, 32)
	if !found || err != nil || alsoErr != nil {
		return nil, fieldError("Last-Event-ID", `is no id of an event; send one such as "1234-0", or leave it out to start now`)
	}
	if i == 0 {
		return nil, cluster.ErrTooOld
	}
	return x.s.node.Events().Subscribe(cluster.EventID{Index: i, Position: uint32(p)})
}
