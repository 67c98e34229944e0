package client

import (
	"context"
	"net/http"
	"net/url"

	"lockd/api"
)

// SessionOpen opens a session that the caller keeps alive and closes. When an
// answer is lost, a second one is left to expire.
func (c *Client) SessionOpen(ctx context.Context, r api.SessionOpen) (*api.SessionOpened, error) {
	return post[api.SessionOpened](ctx, c, "/v1/sessions", r, true, attemptTime)
}

// SessionKeepalive keeps a session alive. Count its lease from before the call,
// not from the answer.
func (c *Client) SessionKeepalive(ctx context.Context, id string) (*api.SessionKept, error) {
	return fetch[api.SessionKept](ctx, c, &call{
		method: http.MethodPost, path: sessionPath(id) + "/keepalive", timeout: attemptTime, repeat: true,
	})
}

// SessionKeepalives keeps up to api.MaxKeepalives sessions alive.
func (c *Client) SessionKeepalives(ctx context.Context, ids []string) (*api.KeptAlive, error) {
	return post[api.KeptAlive](ctx, c, "/v1/sessions/keepalive", api.KeepAlive{IDs: ids}, true, attemptTime)
}

// SessionClose ends a session and gives back what hangs on it.
func (c *Client) SessionClose(ctx context.Context, id string) (*api.ReleasedCount, error) {
	return fetch[api.ReleasedCount](ctx, c, &call{
		method: http.MethodDelete, path: sessionPath(id), timeout: attemptTime,
	})
}

// SessionGet reads one session.
func (c *Client) SessionGet(ctx context.Context, id string, opts ...ReadOption) (*api.SessionState, error) {
	return get[api.SessionState](ctx, c, sessionPath(id), opts)
}

// SessionList reads a page of the living sessions; Page.Prefix has no meaning.
func (c *Client) SessionList(ctx context.Context, p Page, opts ...ReadOption) (*api.SessionList, error) {
	p.Prefix = ""
	return get[api.SessionList](ctx, c, "/v1/sessions", opts, p.pairs()...)
}

func sessionPath(id string) string { return "/v1/sessions/" + url.PathEscape(id) }

// RunGet reads what a run holds and waits for.
func (c *Client) RunGet(ctx context.Context, run string, opts ...ReadOption) (*api.RunState, error) {
	return get[api.RunState](ctx, c, "/v1/runs/"+url.PathEscape(run), opts)
}

// RunRelease gives back all that a run holds, and withdraws its request.
func (c *Client) RunRelease(ctx context.Context, run string) (*api.ReleasedCount, error) {
	return fetch[api.ReleasedCount](ctx, c, &call{
		method: http.MethodDelete, path: "/v1/runs/" + url.PathEscape(run), timeout: attemptTime,
	})
}

// Status reads what one node, whichever answers, knows of the cluster; it needs
// no quorum.
func (c *Client) Status(ctx context.Context) (*api.Status, error) {
	return get[api.Status](ctx, c, "/v1/status", nil)
}

// Leader reads who leads.
func (c *Client) Leader(ctx context.Context) (*api.Leader, error) {
	return get[api.Leader](ctx, c, "/v1/leader", nil)
}

// LeaderTransfer hands leadership to that node, or to one of the leader's choice.
func (c *Client) LeaderTransfer(ctx context.Context, to string) error {
	_, err := post[struct{}](ctx, c, "/v1/leader/transfer", api.LeaderTransfer{To: to}, false, attemptTime)
	return err
}
