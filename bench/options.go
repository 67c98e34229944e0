package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"lockd/bench/lockd"
	"lockd/bench/system"
	"lockd/bench/turns"
	"lockd/bench/work"
)

// maxRounds and maxTimeout bound a run.
const (
	maxRounds  = 100
	maxTimeout = 6 * time.Hour
)

// options are what the command line asks for, checked.
type options struct {
	plan    turns.Plan
	timeout time.Duration
	json    bool
}

// numbers is a flag's list of numbers.
type numbers struct{ list *[]int }

func (n numbers) String() string {
	if n.list == nil {
		return ""
	}
	var words []string
	for _, v := range *n.list {
		words = append(words, strconv.Itoa(v))
	}
	return strings.Join(words, ",")
}

func (n numbers) Set(text string) error {
	var list []int
	for word := range strings.SplitSeq(text, ",") {
		v, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			return fmt.Errorf("%q is not a number", word)
		}
		list = append(list, v)
	}
	*n.list = list
	return nil
}

// parse reads the command line. Its errors say what to do.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{plan: turns.Plan{Config: work.DefaultConfig()}}
	c := &o.plan.Config
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { usage(flags, stderr) }
	ids := flags.String("workloads", "W1,W2,W7", "comma-separated `IDs`, or all")
	flags.IntVar(&o.plan.Rounds, "repeat", 3, "`rounds`; tables show medians over them")
	flags.DurationVar(&c.Duration, "duration", c.Duration, "measured time of each setting of W1 to W4")
	flags.DurationVar(&c.WarmUp, "warm-up", c.WarmUp, "time before it that does not count")
	flags.Var(numbers{&c.Clients}, "clients", "`numbers` of clients of W1, W3 and W4")
	flags.Var(numbers{&c.InFlight}, "in-flight", "`numbers` of clients of W1-stream")
	flags.Var(numbers{&c.Waiters}, "waiters", "`numbers` of clients in line of W2")
	flags.IntVar(&c.Held, "held", c.Held, "locks of W5")
	flags.IntVar(&c.Large, "large", c.Large, "locks of W9")
	flags.IntVar(&c.Expiries, "expiries", c.Expiries, "holders that vanish in W6")
	flags.DurationVar(&c.TTL, "ttl", c.TTL, "TTL of their sessions")
	flags.IntVar(&c.Kills, "kills", c.Kills, "leaders killed in each round of W7")
	flags.IntVar(&c.KillClients, "kill-clients", c.KillClients, "clients of W7")
	flags.IntVar(&c.Sessions, "sessions", c.Sessions, "live sessions of W8")
	flags.DurationVar(&c.SessionTTL, "session-ttl", c.SessionTTL, "TTL of the sessions of W8")
	flags.DurationVar(&c.Renew, "renew", c.Renew, "how often each session of W8 is renewed")
	flags.StringVar((*string)(&c.Through), "nodes", string(c.Through), "`nodes` that clients talk to: all, leader or followers")
	path := flags.String("lockd", "../bin/lockd", "lockd `binary`")
	stream := flags.Bool("stream", false, "all clients of a node share one stream, over which W8 renews one session at a time; else each has an HTTP connection")
	nodeArgs := flags.String("node-args", "", "further `arguments` of every node, between spaces")
	format := flags.String("o", "table", "output: table or json")
	flags.DurationVar(&o.timeout, "timeout", 30*time.Minute, "end after that time, whatever is left")
	flags.StringVar(&o.plan.Dir, "dir", os.TempDir(), "`folder` on the disk to be measured; the files go into it, and away again")
	flags.BoolVar(&o.plan.Keep, "keep", false, "keep the files of a service on which a workload failed")
	flags.IntVar(&o.plan.Port, "port-base", 0, "first of the loopback `ports` taken; 0 finds free ones")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: bench takes flags only", flags.Arg(0))
	}
	return o, o.settle(*ids, *format, lockd.Driver{Path: *path, Args: strings.Fields(*nodeArgs), Stream: *stream})
}

// settle checks the options together.
func (o *options) settle(ids, format string, driver lockd.Driver) (err error) {
	switch format {
	case "table":
	case "json":
		o.json = true
	default:
		return fmt.Errorf("-o %s: table or json", format)
	}
	if o.plan.Rounds < 1 || o.plan.Rounds > maxRounds {
		return fmt.Errorf("-repeat %d: 1 to %d", o.plan.Rounds, maxRounds)
	}
	if o.timeout <= 0 || o.timeout > maxTimeout {
		return fmt.Errorf("-timeout %v: more than 0, at most %v", o.timeout, maxTimeout)
	}
	if o.plan.Port < 0 || o.plan.Port > 65_000 {
		return fmt.Errorf("-port-base %d: 1 to 65000, or 0", o.plan.Port)
	}
	workloads := work.All()
	if ids != "all" {
		if workloads, err = work.Choose(strings.Split(ids, ",")); err != nil {
			return fmt.Errorf("-workloads %s: %w", ids, err)
		}
	}
	for _, w := range workloads {
		o.plan.Steps = append(o.plan.Steps, turns.Step{Workload: w, Drivers: []system.Driver{driver}})
	}
	return errors.Join(o.plan.Config.Validate(), driver.Check())
}

func usage(flags *flag.FlagSet, stderr io.Writer) {
	fmt.Fprintln(stderr, "usage: bench [flags]\n\nWorkloads:")
	for _, w := range work.All() {
		fmt.Fprintf(stderr, "  %-4s %s\n", w.ID, w.Title)
	}
	fmt.Fprintln(stderr, "\nFlags:")
	flags.PrintDefaults()
}
