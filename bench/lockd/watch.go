package lockd

import "context"

// watch cuts calls short whose context ends. It stays from one call to the next
// with the same context: to watch each would cost more than the rest of a call.
type watch struct {
	done <-chan struct{}
	stop func() (inTime bool)
}

// over returns whether calls with ctx are not watched yet, and then gives up what
// was; fired says that its cut was made or is being made.
func (w *watch) over(ctx context.Context) (another, fired bool) {
	if w.stop != nil && w.done == ctx.Done() {
		return false, false
	}
	return true, w.end()
}

// begin has cut called when ctx ends, on another goroutine.
func (w *watch) begin(ctx context.Context, cut func()) {
	w.done, w.stop = ctx.Done(), context.AfterFunc(ctx, cut)
}

func (w *watch) end() (fired bool) {
	fired = w.stop != nil && !w.stop()
	w.stop = nil
	return fired
}
