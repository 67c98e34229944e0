package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) statusCommand() *cli.Command {
	return &cli.Command{
		Name:  "status",
		Usage: "show the cluster as one node sees it; exit 69 without a leader",
		Description: `One line a node: its role, its term, how many log entries it has yet to apply, how
long ago it heard of its leader, and how full its disk is. The verdict, with what
to do next, goes to stderr. For monitoring there is "lockctl check".

  lockctl status
  lockctl status -o plain | awk -F'\t' '$2 == "down" {print $1}'
  lockctl status -o json | jq -r .leader.id`,
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
	row(w, "NODE", "ROLE", "TERM", "LAG", "CONTACT", "VERSION", "DISK", "CLIENTS", "PEERS")
	for _, m := range s.Members {
		if !m.Healthy {
			row(w, m.ID, "down", "", "", "", "", "", m.ClientURL, m.PeerAddr)
			continue
		}
		row(w, m.ID, roleOf(s, m), token(m.Term), m.AppliedLag, lease(m.LastContactMS), m.Version, diskText(m.Disk), m.ClientURL, m.PeerAddr)
	}
}

// roleOf is what a member says that it is. One of an older version does not.
func roleOf(s *api.Status, m api.Member) string {
	switch {
	case m.Suffrage != "voter":
		return m.Suffrage
	case m.Role != "":
		return m.Role
	case s.Leader != nil && m.ID == s.Leader.ID:
		return "leader"
	}
	return "follower"
}

func diskText(d *api.Disk) string {
	if d == nil || d.TotalBytes == 0 {
		return ""
	}
	return fmt.Sprintf("%d%% used, %s free", 100-freePercent(d), size(d.FreeBytes))
}

// freePercent is rounded down: what is left is never told as more than it is.
func freePercent(d *api.Disk) uint64 {
	return uint64(float64(d.FreeBytes) / float64(d.TotalBytes) * 100)
}

// size is a number of bytes for people.
func size(bytes uint64) string {
	const units = "KMGTPE"
	if bytes < 1024 {
		return fmt.Sprintf("%dB", bytes)
	}
	value, unit := float64(bytes)/1024, 0
	for value >= 1024 && unit < len(units)-1 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.1f%ciB", value, units[unit])
}

// voters counts those members that an election needs.
func voters(s *api.Status) (healthy, all int) {
	for _, m := range s.Members {
		if m.Suffrage == "voter" {
			all++
			if m.Healthy {
				healthy++
			}
		}
	}
	return healthy, all
}

// verdict says in one line how things are and what to do.
func (t *tool) verdict(s *api.Status) error {
	healthy, all := voters(s)
	if s.Leader == nil {
		return &exitError{code: exitNoQuorum, err: noLeader(s.Node, healthy, all)}
	}
	problems := weigh(s, defaultThresholds)
	if len(problems) == 0 {
		t.say("%s: leader %s in term %d; all %d voters are healthy", t.errScreen.paint(green, "good"), s.Leader.ID, s.Term, all)
		return nil
	}
	for _, p := range problems {
		word := t.errScreen.paint(yellow, "warning")
		if p.state == stateCritical {
			word = t.errScreen.paint(red, "critical")
		}
		t.say("%s: %s; %s", word, p.what, p.todo)
	}
	t.say("leader %s in term %d; %d of %d voters are healthy", s.Leader.ID, s.Term, healthy, all)
	return nil
}
