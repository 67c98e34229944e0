package main

import (
	"context"
	"fmt"
	"strings"

	"lockd/api"
	"lockd/client"
)

// nouns lists names that a completion can offer. What is known so far is better
// than nothing, so that an error only ends the list.
type nouns func(ctx context.Context, p *typed, cluster *client.Client) []candidate

func onlyKeys(ctx context.Context, p *typed, cluster *client.Client) []candidate {
	return namesOf(ctx, p, cluster, keyKind)
}

func onlyRefs(ctx context.Context, p *typed, cluster *client.Client) []candidate {
	return namesOf(ctx, p, cluster, refKind)
}

func keysAndRefs(ctx context.Context, p *typed, cluster *client.Client) []candidate {
	return append(onlyKeys(ctx, p, cluster), onlyRefs(ctx, p, cluster)...)
}

// ofKind are keys behind --key, and else references.
func ofKind(ctx context.Context, p *typed, cluster *client.Client) []candidate {
	if p.key {
		return onlyKeys(ctx, p, cluster)
	}
	return onlyRefs(ctx, p, cluster)
}

func namesOf(ctx context.Context, p *typed, cluster *client.Client, k kind) []candidate {
	got, err := k.list(ctx, cluster, client.Page{Prefix: p.current, Limit: maxCandidates})
	if err != nil {
		return nil
	}
	var all []candidate
	for _, n := range got.names {
		about := "waited for"
		if len(n.holders) > 0 {
			about = strings.TrimSuffix("held by "+holder(n.holders[0])+": "+n.holders[0].Reason, ": ")
		}
		all = append(all, candidate{n.name, about})
	}
	return all
}

// runNames are the runs that hold or wait for something.
func runNames(ctx context.Context, _ *typed, cluster *client.Client) []candidate {
	var all []candidate
	for _, k := range []kind{keyKind, refKind} {
		got, err := k.list(ctx, cluster, client.Page{Limit: api.MaxListed})
		if err != nil {
			return all
		}
		for _, n := range got.names {
			for _, h := range n.holders {
				if h.RunID != "" {
					all = append(all, candidate{h.RunID, "holds " + n.name})
				}
			}
			for _, w := range n.waiters {
				all = append(all, candidate{w.RunID, "waits for " + n.name})
			}
		}
	}
	return all
}

func sessionNames(ctx context.Context, _ *typed, cluster *client.Client) []candidate {
	got, err := cluster.SessionList(ctx, client.Page{Limit: maxCandidates})
	if err != nil {
		return nil
	}
	var all []candidate
	for _, s := range got.Sessions {
		all = append(all, candidate{s.ID, who(s.Client)})
	}
	return all
}

func nodeNames(ctx context.Context, _ *typed, cluster *client.Client) []candidate {
	got, err := cluster.Status(ctx)
	if err != nil {
		return nil
	}
	var all []candidate
	for _, m := range got.Members {
		about := "down"
		if m.Healthy {
			about = roleOf(got, m)
		}
		all = append(all, candidate{m.ID, about})
	}
	return all
}

// tokensOf are the tokens of the holds of the name that is on the line already.
func tokensOf(ctx context.Context, p *typed, cluster *client.Client) []candidate {
	if len(p.args) == 0 {
		return nil
	}
	k := refKind
	if p.key || strings.HasPrefix(p.path, "lockctl key ") {
		k = keyKind
	}
	got, err := k.get(ctx, cluster, p.args[0])
	if err != nil {
		return nil
	}
	var all []candidate
	for _, h := range got.holders {
		all = append(all, candidate{fmt.Sprint(h.Token), "held by " + holder(h)})
	}
	return all
}

func shellNames(context.Context, *typed, *client.Client) []candidate {
	return []candidate{{"bash", ""}, {"zsh", ""}, {"fish", ""}}
}

func lossNames(context.Context, *typed, *client.Client) []candidate {
	return []candidate{{"stop", ""}, {"continue", ""}}
}

func outputNames(context.Context, *typed, *client.Client) []candidate {
	var all []candidate
	for _, o := range outputs {
		all = append(all, candidate{o, ""})
	}
	return all
}

func kindNames(context.Context, *typed, *client.Client) []candidate {
	var all []candidate
	for _, k := range eventKinds {
		all = append(all, candidate{string(k), ""})
	}
	return all
}
