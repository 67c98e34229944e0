package httpapi

import (
	"lockd/api"
	"lockd/gate"
)

// getHistory answers how the last grants of one name ended.
func getHistory(r *request) (operation, error) {
	if r.params.Has("key") && r.params.Has("ref") {
		return operation{}, fieldError("ref", "stands beside key; send one of the two")
	}
	name, err := keyOrRef(r.params.Get("key"), r.params.Get("ref"))
	return r.ask(query{op: askHistory, kind: name.Kind, text: name.Text}, err)
}

func (p *picture) history(name gate.Name) api.History {
	var history api.History
	history.Key, history.Ref = keyAndRef(name)
	endings := p.view.History(name)
	history.Endings = make([]api.Ending, 0, len(endings))
	for _, e := range endings {
		history.Endings = append(history.Endings, apiEnding(e))
	}
	return history
}

func apiEnding(e *gate.Ending) api.Ending {
	ending := api.Ending{
		RunID: e.Run, Token: e.Token, Mode: api.Mode(e.Mode.String()), End: api.End(e.End.String()),
		AcquiredAt: wallTime(e.From), EndedAt: wallTime(e.At), HeldMS: max(0, int64(e.At-e.From)),
		Reason: e.Reason, Client: someClient(apiClient(e.Client)),
	}
	if e.Name.Kind == gate.Reference {
		ending.Scope = api.Scope(e.Scope.String())
	}
	if by := e.By; by != nil {
		client := apiClient(&by.Client)
		if client == (api.Client{}) {
			client.Host = by.Actor
		}
		ending.By = &api.BrokenBy{Reason: by.Reason, Client: someClient(client)}
	}
	return ending
}

// someClient returns the client, or nil if it says nothing.
func someClient(c api.Client) *api.Client {
	if c == (api.Client{}) {
		return nil
	}
	return &c
}
