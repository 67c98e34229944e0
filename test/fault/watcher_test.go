package fault

import (
	"context"
	"net/http"
	"sync"

	"lockd/test/history"
)

// watch reads through one node at a steady pace, whether answers come or not. What
// was sent to a node while it was stopped or cut off is answered first when it
// comes back, perhaps before it knows that it leads no more.
func watch(ctx context.Context, name, node string, recorder *history.Recorder) {
	picker := newWorker(name, []string{node}, 0, recorder)
	var all sync.WaitGroup
	defer picker.caller.http.CloseIdleConnections()
	defer all.Wait()
	free := make(chan struct{}, maxWatches)
	for ctx.Err() == nil {
		wanted := picker.pick()[0].Name
		select {
		case free <- struct{}{}:
			all.Go(func() {
				op := history.Op{Client: name, Kind: history.Read, Start: history.Now(), Wants: []history.Want{{Name: wanted}}}
				a := picker.caller.send(context.Background(), 2*answerTime, http.MethodGet, node, readPath(wanted), nil)
				op.End = history.Now()
				if op.Outcome = a.outcome(); op.Outcome == history.OK {
					op.Node, op.Index, op.Holders = a.node, a.index, shownIn(a, wanted)
					recorder.Add(op)
				}
				<-free
			})
		default: // so many are enough
		}
		rest(ctx, watchEvery)
	}
}
