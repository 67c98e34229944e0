package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

// The states of "check", which are its exit codes, as Nagios and its kin want
// them.
type state int

const (
	stateOK state = iota
	stateWarning
	stateCritical
	stateUnknown
)

func (s state) String() string { return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[s] }

// thresholds are two of each: for a warning, and for critical.
type thresholds struct {
	lag     [2]uint64
	contact [2]time.Duration
	read    [2]time.Duration
	// disk is how much must be free, in percent.
	disk [2]uint64
}

var defaultThresholds = thresholds{
	lag:     [2]uint64{1000, 100_000},
	contact: [2]time.Duration{time.Second, 5 * time.Second},
	read:    [2]time.Duration{500 * time.Millisecond, 3 * time.Second},
	disk:    [2]uint64{20, 10},
}

// problem is something that is not as it should be, and what to do about it.
type problem struct {
	state      state
	what, todo string
}

func (t *tool) checkCommand() *cli.Command {
	d := defaultThresholds
	return &cli.Command{
		Name:  "check",
		Usage: "say in one line whether the cluster is well, for monitoring",
		Description: `The exit codes are those of Nagios plugins: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.

CRITICAL: no node answers, there is no leader, or a read that needs a quorum fails.
WARNING: a voter does not answer, nodes run different versions.
Either, by thresholds: a node's lag, its last contact with the leader, how much of
its disk is free, and how long the read takes.
UNKNOWN: it cannot tell: it is denied, or used wrongly.

  lockctl check
  lockctl check --disk-warning 30 --disk-critical 15 --timeout 8s`,
		Flags: []cli.Flag{
			&cli.Uint64Flag{Name: "lag-warning", Value: d.lag[0], Usage: "`N` log entries not applied"},
			&cli.Uint64Flag{Name: "lag-critical", Value: d.lag[1], Usage: "`N` log entries not applied"},
			&cli.DurationFlag{Name: "contact-warning", Value: d.contact[0], Usage: "a node heard nothing of the leader for `DURATION`"},
			&cli.DurationFlag{Name: "contact-critical", Value: d.contact[1], Usage: "a node heard nothing of the leader for `DURATION`"},
			&cli.DurationFlag{Name: "read-warning", Value: d.read[0], Usage: "a read takes `DURATION`"},
			&cli.DurationFlag{Name: "read-critical", Value: d.read[1], Usage: "a read takes `DURATION`"},
			&cli.Uint64Flag{Name: "disk-warning", Value: d.disk[0], Usage: "less than `PERCENT` of a node's disk is free"},
			&cli.Uint64Flag{Name: "disk-critical", Value: d.disk[1], Usage: "less than `PERCENT` of a node's disk is free"},
		},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			return &exitError{int(stateUnknown), err}
		},
		Action: func(c *cli.Context) error {
			found := t.examine(c)
			err := t.tell(found)
			if err == nil && found.code != stateOK {
				err = &exitError{code: int(found.code)}
			}
			return err
		},
	}
}

// health is the JSON form of "check".
type health struct {
	State    string   `json:"state"`
	Exit     int      `json:"exit"`
	Problems []string `json:"problems"`
	Leader   string   `json:"leader,omitempty"`
	Term     uint64   `json:"term,omitempty"`
	Voters   int      `json:"voters"`
	Healthy  int      `json:"healthy"`
	// Lag and ContactMS are the worst of all nodes, DiskFree the least.
	Lag       uint64 `json:"lag"`
	ContactMS int64  `json:"contact_ms"`
	DiskFree  uint64 `json:"disk_free_percent"`
	ReadMS    int64  `json:"read_ms"`

	code   state
	limits thresholds
}

func (t *tool) examine(c *cli.Context) *health {
	h := &health{Problems: []string{}, DiskFree: 100, limits: thresholds{
		lag:     [2]uint64{c.Uint64("lag-warning"), c.Uint64("lag-critical")},
		contact: [2]time.Duration{c.Duration("contact-warning"), c.Duration("contact-critical")},
		read:    [2]time.Duration{c.Duration("read-warning"), c.Duration("read-critical")},
		disk:    [2]uint64{c.Uint64("disk-warning"), c.Uint64("disk-critical")},
	}}
	_, err := arguments(c, 0, 0)
	if err == nil {
		err = t.call(c, 0, h.ask)
	}
	if err != nil {
		p := problem{stateUnknown, printable(err.Error()), "see \"lockctl check --help\""}
		if exitCode(err) == exitNoQuorum {
			p = problem{stateCritical, printable(err.Error()), "\"lockctl status\" says more"}
		}
		h.add(p)
	}
	h.State, h.Exit = h.code.String(), int(h.code)
	return h
}

// ask asks one node for all nodes, and then the leader and a quorum for a read.
func (h *health) ask(ctx context.Context, cluster *client.Client) error {
	s, err := settledStatus(ctx, cluster)
	if err != nil {
		return err
	}
	h.Healthy, h.Voters = voters(s)
	if s.Leader == nil {
		return &exitError{exitNoQuorum, noLeader(s.Node, h.Healthy, h.Voters)}
	}
	h.Leader, h.Term = s.Leader.ID, s.Term
	for _, m := range s.Members {
		h.Lag = max(h.Lag, m.AppliedLag)
		if m.LastContactMS != nil {
			h.ContactMS = max(h.ContactMS, *m.LastContactMS)
		}
		if m.Disk != nil && m.Disk.TotalBytes > 0 {
			h.DiskFree = min(h.DiskFree, freePercent(m.Disk))
		}
	}
	for _, p := range weigh(s, h.limits) {
		h.add(p)
	}
	begun := time.Now()
	if _, err := cluster.KeyList(ctx, client.Page{Limit: 1}); err != nil {
		return fmt.Errorf("a read that needs a quorum failed: %w", err)
	}
	took := time.Since(begun)
	h.ReadMS = took.Milliseconds()
	if level := above2(took, h.limits.read); level > stateOK {
		h.add(problem{level, fmt.Sprintf("a read took %v", took.Round(time.Millisecond)), "look at the load and the disks of the nodes"})
	}
	return nil
}

func (h *health) add(p problem) {
	h.Problems = append(h.Problems, p.what)
	// Unknown is the highest number and yet less than what is known to be bad.
	if h.code != stateCritical {
		h.code = max(h.code, p.state)
	}
}

func above2[N ~int64 | ~uint64](value N, limits [2]N) state {
	switch {
	case value > limits[1]:
		return stateCritical
	case value > limits[0]:
		return stateWarning
	}
	return stateOK
}

// weigh says what is wrong with the members of a cluster that has a leader.
func weigh(s *api.Status, limits thresholds) []problem {
	var found []problem
	add := func(level state, todo, format string, args ...any) {
		if level > stateOK {
			found = append(found, problem{level, fmt.Sprintf(format, args...), todo})
		}
	}
	versions := make(map[string]bool)
	for _, m := range s.Members {
		if !m.Healthy {
			add(stateWarning, "start it, before one more is lost", "%s does not answer", m.ID)
			continue
		}
		versions[m.Version] = true
		add(above2(m.AppliedLag, limits.lag), "look at its load and its disk", "%s lags %d entries behind", m.ID, m.AppliedLag)
		if m.LastContactMS != nil {
			silent := time.Duration(*m.LastContactMS) * time.Millisecond
			add(above2(silent, limits.contact), "look at the network between them", "%s has not heard of the leader for %s", m.ID, span(*m.LastContactMS))
		}
		if m.Disk != nil && m.Disk.TotalBytes > 0 {
			free := freePercent(m.Disk)
			// Less is worse here.
			add(above2(math.MaxInt64-free, [2]uint64{math.MaxInt64 - limits.disk[0], math.MaxInt64 - limits.disk[1]}),
				"make room: a node whose disk is full ends", "the disk of %s is %d%% full, %s are free", m.ID, 100-free, size(m.Disk.FreeBytes))
		}
	}
	if len(versions) > 1 {
		add(stateWarning, "finish the upgrade", "the nodes run %d different versions", len(versions))
	}
	return found
}

// tell writes the one line, with what Nagios calls performance data.
func (t *tool) tell(h *health) error {
	text := strings.Join(h.Problems, "; ")
	if text == "" {
		text = fmt.Sprintf("leader %s in term %d, %d of %d voters healthy", h.Leader, h.Term, h.Healthy, h.Voters)
	}
	switch t.output {
	case asJSON:
		return t.printJSON(h)
	case asPlain:
		_, err := fmt.Fprintf(t.stdout, "%s\t%s\n", h.code, printable(text))
		return err
	}
	colour := [...]string{green, yellow, red, yellow}[h.code]
	// A bar would begin the performance data.
	line := "LOCKD " + t.screen.paint(colour, h.code.String()) + ": " + strings.ReplaceAll(printable(text), "|", "/")
	if h.Leader != "" {
		l := h.limits
		line += fmt.Sprintf(" | read=%dms;%d;%d healthy=%d;;;0;%d lag=%d;%d;%d contact=%dms;%d;%d disk_free=%d%%;%d:;%d:",
			h.ReadMS, l.read[0].Milliseconds(), l.read[1].Milliseconds(), h.Healthy, h.Voters, h.Lag, l.lag[0], l.lag[1],
			h.ContactMS, l.contact[0].Milliseconds(), l.contact[1].Milliseconds(), h.DiskFree, l.disk[0], l.disk[1])
	}
	_, err := io.WriteString(t.stdout, line+"\n")
	return err
}
