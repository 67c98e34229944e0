package main

import (
	"context"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) statusCommand() *cli.Command {
	return &cli.Command{
		Name:        "status",
		Usage:       "show the cluster as one node sees it; exit 69 without a leader",
		Description: `  lockctl status`,
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := settledStatus(ctx, cluster)
				if err != nil {
					return t.answered(err)
				}
				if err := t.print(got, func(w io.Writer) { statusTable(w, got) }); err != nil {
					return err
				}
				return t.verdict(got)
			})
		},
	}
}

// electionTime is how long an election, and the news of it, may take.
const electionTime = 2 * time.Second

// settledStatus asks again for a while if there is no leader: an election is over
// in a moment, and no news.
func settledStatus(ctx context.Context, cluster *client.Client) (*api.Status, error) {
	again := time.NewTicker(electionTime / 20)
	defer again.Stop()
	for begun := time.Now(); ; {
		got, err := cluster.Status(ctx)
		if err != nil || got.Leader != nil || time.Since(begun) > electionTime {
			return got, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return got, nil
		}
	}
}

func statusTable(w io.Writer, s *api.Status) {
	row(w, "NODE", "ROLE", "HEALTHY", "LAG", "SUFFRAGE", "CLIENTS", "PEERS")
	for _, m := range s.Members {
		role := "follower"
		switch {
		case s.Leader != nil && m.ID == s.Leader.ID:
			role = "leader"
		case m.ID == s.Node:
			role = s.Role
		case !m.Healthy:
			role = ""
		}
		healthy := "yes"
		if !m.Healthy {
			healthy = "no"
		}
		row(w, m.ID, role, healthy, m.AppliedLag, m.Suffrage, m.ClientURL, m.PeerAddr)
	}
}

// verdict says in one line how things are.
func (t *tool) verdict(s *api.Status) error {
	voters, healthy := 0, 0
	for _, m := range s.Members {
		if m.Suffrage == "voter" {
			voters++
			if m.Healthy {
				healthy++
			}
		}
	}
	switch {
	case s.Leader == nil:
		return &exitError{code: exitNoQuorum, err: noLeader(s.Node, healthy, voters)}
	case healthy < voters:
		t.say("leader %s in term %d; %d of %d voters are healthy: start the others before one more is lost", s.Leader.ID, s.Term, healthy, voters)
	default:
		t.say("leader %s in term %d; all %d voters are healthy", s.Leader.ID, s.Term, voters)
	}
	return nil
}
