package main

import (
	"crypto/rand"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"lockd/client"
)

const (
	// killGrace is the time between TERM and KILL unless --kill-after says
	// otherwise; a short TTL makes it a quarter of that.
	killGrace = 5 * time.Second
	// killSlack is what KILL itself and a late clock may take, at least.
	killSlack = 200 * time.Millisecond
	// releaseTime bounds giving the lock back at the end.
	releaseTime = 5 * time.Second
)

func (t *tool) runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "hold a lock while a command runs",
		ArgsUsage: "REF... -- CMD [ARG...]",
		Description: `Waits for the lock, runs CMD and gives the lock back when CMD ends, whatever CMD
left running. Several references are locked together or not at all. CMD finds
LOCKD_REF, LOCKD_RUN_ID and LOCKD_FENCE (the token) in its environment; of several
names there is one a line, sorted by name. Hand the token to whatever the
lock protects.

If the lock cannot be kept, CMD and all it started get TERM and then KILL before
the cluster may give the lock to another, and lockctl exits with 79. This is so
even if lockctl is stopped or killed. A hold that somebody breaks ends CMD, too.

Signals to lockctl reach CMD and what it started. Ctrl-Z stops CMD and lockctl,
which then keeps no lease: continued after --ttl, CMD is ended. Give interactive
programs a --ttl as long as you may be away.

  lockctl run prod/db -- ./migrate.sh
  lockctl run -n --reason nightly jobs/backup -- backup --full || exit
  lockctl run -n --min-hold 5m jobs/report -- ./report.sh  # from cron, on every machine
  lockctl run --key --limit 3 build-slots -- make all`,
		Flags:  append(lockFlags(), endFlags()...),
		Action: t.runAction,
	}
}

// lockFlags say what is locked, and for how long lockctl waits for it.
func lockFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "shared", Usage: "share the lock with other shared ones"},
		&cli.BoolFlag{Name: "tree", Usage: "lock everything below the reference too"},
		&cli.BoolFlag{Name: "key", Usage: "lock a concurrency key instead of references"},
		&cli.UintFlag{Name: "limit", DefaultText: "the key's own, else 1", Usage: "let `N` runs hold the key at once"},
		&cli.StringFlag{Name: "flock", Usage: "take the local lock flock(2) of `FILE` first, for programs that know no lockd"},
		&cli.BoolFlag{Name: "nonblock", Aliases: []string{"n"}, Usage: "do not wait if it is occupied"},
		&cli.DurationFlag{Name: "wait", Aliases: []string{"w"}, DefaultText: "as long as it takes", Usage: "wait at most `DURATION`"},
		&cli.IntFlag{Name: "conflict-exit-code", Aliases: []string{"E"}, Value: exitOccupied, Usage: "exit with `N` if it is occupied"},
		&cli.StringFlag{Name: "reason", Usage: "`TEXT` for whoever asks who holds it"},
		&cli.StringFlag{Name: "run-id", DefaultText: "one of its own", Usage: "hold it as run `ID`"},
		&cli.DurationFlag{Name: "ttl", Value: client.DefaultTTL, Usage: "let the cluster give the lock away `DURATION` after it last heard of lockctl"},
	}
}

// endFlags say how CMD ends, and what is told of it.
func endFlags() []cli.Flag {
	return []cli.Flag{
		&cli.DurationFlag{Name: "min-hold", Usage: "keep the lock `DURATION` from its grant even if CMD ends before: once in that time"},
		&cli.DurationFlag{Name: "max-hold", DefaultText: "as long as CMD runs", Usage: "end CMD `DURATION` after the grant, and exit with 124"},
		&cli.StringFlag{Name: "on-lost", Value: "stop", Usage: "`WHAT` becomes of CMD when the lock is lost: stop or continue"},
		&cli.StringFlag{Name: "signal", Aliases: []string{"s"}, Value: "TERM", Usage: "end CMD by `SIGNAL` first, by KILL second"},
		&cli.DurationFlag{Name: "kill-after", Aliases: []string{"k"}, DefaultText: "5s, or a quarter of a shorter ttl", Usage: "KILL `DURATION` after the first signal"},
		&cli.StringFlag{Name: "status-file", Usage: "keep `FILE` telling what happens, as JSON"},
		&cli.BoolFlag{Name: "verbose", Usage: "tell of grant, end and margin on stderr"},
	}
}

// holding is what "run" was asked to do.
type holding struct {
	names  []string
	key    bool
	shared bool
	run    string
	// path and argv are CMD.
	path    string
	argv    []string
	options []client.Option
	flock   string

	wait               time.Duration
	forever            bool
	ttl                time.Duration
	minHold, maxHold   time.Duration
	goOn               bool
	soft               syscall.Signal
	killAfter          time.Duration
	conflict           int
	statusFile, reason string
	verbose            bool
}

func (t *tool) parseRun(c *cli.Context) (*holding, error) {
	h := &holding{
		names: c.Args().Slice(), key: c.Bool("key"), shared: c.Bool("shared"), run: c.String("run-id"), argv: t.command,
		flock: c.String("flock"), wait: c.Duration("wait"), ttl: c.Duration("ttl"),
		minHold: c.Duration("min-hold"), maxHold: c.Duration("max-hold"), goOn: c.String("on-lost") == "continue",
		soft: signalNamed(c.String("signal")), conflict: c.Int("conflict-exit-code"),
		statusFile: c.String("status-file"), reason: c.String("reason"), verbose: c.Bool("verbose"),
	}
	h.forever = !c.IsSet("wait") && !c.Bool("nonblock")
	h.killAfter = min(killGrace, h.ttl/4)
	if c.IsSet("kill-after") {
		h.killAfter = c.Duration("kill-after")
	}
	if h.run == "" {
		h.run = "lockctl-" + strings.ToLower(rand.Text()[:12])
	}
	if err := h.validate(c); err != nil {
		return nil, err
	}
	h.options = runOptions(c, h)
	var err error
	h.path, err = findCommand(t.command[0])
	return h, err
}

func (h *holding) validate(c *cli.Context) error {
	switch {
	case len(h.names) == 0 || len(h.argv) == 0:
		return usageError("lockctl run: what to lock and what to run? Say: lockctl run REF... -- CMD [ARG...]")
	case h.key && len(h.names) > 1:
		return usageError("lockctl run: only one --key at a time")
	case h.key && (h.shared || c.Bool("tree")):
		return usageError("lockctl run: --shared and --tree are for references, not for a --key")
	case !h.key && c.IsSet("limit"):
		return usageError("lockctl run: --limit needs --key")
	case c.Bool("nonblock") && c.IsSet("wait"):
		return usageError("lockctl run: --nonblock or --wait, not both")
	case h.wait < 0 || h.killAfter < 0 || h.minHold < 0 || h.maxHold < 0:
		return usageError("lockctl run: a duration cannot be negative")
	case c.IsSet("max-hold") && h.maxHold <= h.minHold:
		return usageError("lockctl run: --max-hold %v must be longer than nothing and than --min-hold", h.maxHold)
	case h.killAfter+killSlack > h.ttl/2:
		return usageError("lockctl run: --kill-after %v needs a --ttl of at least %v", h.killAfter, 2*(h.killAfter+killSlack))
	case h.conflict < 0 || h.conflict > 255:
		return usageError("lockctl run: -E %d: exit codes are 0 to 255", h.conflict)
	case h.soft == 0:
		return usageError("lockctl run: --signal %q: a name such as TERM, or a number", c.String("signal"))
	case !h.goOn && c.String("on-lost") != "stop":
		return usageError("lockctl run: --on-lost %q: stop or continue", c.String("on-lost"))
	}
	return nil
}

// signalNamed is the signal of that name or number, or 0.
func signalNamed(text string) syscall.Signal {
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= int(lastSignal) {
		return syscall.Signal(n)
	}
	return unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(text), "SIG"))
}

func runOptions(c *cli.Context, h *holding) []client.Option {
	options := []client.Option{client.TTL(h.ttl), client.WithRun(h.run)}
	for _, o := range []struct {
		given  bool
		option client.Option
	}{
		{h.shared, client.Shared()},
		{c.Bool("tree"), client.Tree()},
		{c.IsSet("limit"), client.Limit(uint32(c.Uint("limit")))},
		{c.IsSet("reason"), client.Reason(h.reason)},
	} {
		if o.given {
			options = append(options, o.option)
		}
	}
	return options
}

// slack is how long before the end of the lease KILL must be sent.
func (h *holding) slack() time.Duration { return max(killSlack, h.ttl/20) }

// margin is how long before the end of the lease CMD must get its first signal.
func (h *holding) margin() time.Duration { return min(h.killAfter+h.slack(), h.ttl/2) }

// configure makes the client say who really works under the lock, and leave time to
// end it.
func (h *holding) configure(config *client.Config) {
	config.Name = filepath.Base(h.argv[0])
	config.TTL = h.ttl
	config.Margin = h.margin()
}
