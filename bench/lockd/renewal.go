package lockd

import (
	"context"
	"net/http"
	"time"
)

// renewal keeps one session alive beside its client, which may be waiting for a
// lock.
type renewal struct {
	cancel context.CancelFunc
	ended  chan struct{}
	// renewed is when the last renewal that may have arrived was sent; to be
	// read when ended is closed.
	renewed time.Time
}

// renew begins; over is its alone.
func renew(over *caller, session string, ttl time.Duration, opened time.Time) *renewal {
	ctx, cancel := context.WithCancel(context.Background())
	r := &renewal{cancel: cancel, ended: make(chan struct{}), renewed: opened}
	go func() {
		defer close(r.ended)
		defer over.close()
		ticker := time.NewTicker(ttl / renewalsPerTTL)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			sent := time.Now()
			answer, _, err := over.call(ctx, http.MethodPost, "/v1/sessions/"+session+"/keepalive", nil)
			r.renewed = sent
			if err == nil && answer.status == http.StatusNotFound {
				return // whoever uses the session next is told
			}
		}
	}()
	return r
}

// stop ends the renewals and returns when the last one was sent.
func (r *renewal) stop() time.Time {
	r.cancel()
	<-r.ended
	return r.renewed
}
