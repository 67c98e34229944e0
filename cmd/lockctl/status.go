package main

import (
	"context"
	"io"

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
				got, err := cluster.Status(ctx)
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
