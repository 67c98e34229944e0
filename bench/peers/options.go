package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"lockd/bench/turns"
	"lockd/bench/work"
)

// Bounds of a run.
const (
	maxRounds  = 100
	maxTimeout = 6 * time.Hour
)

// options are what the command line asks for, checked.
type options struct {
	plan          turns.Plan
	timeout       time.Duration
	markdown, svg string
	// ours are the names of lockd's drivers, and versions notes on all.
	ours, versions []string
}

// wishes are flags that are settled together.
type wishes struct {
	peers, workloads, clients, lockd, etcd string
	seconds                                float64
	askers                                 int
	javaWarmUp                             time.Duration
	quick                                  bool
}

// parse reads the command line. Its errors say what to do.
func parse(ctx context.Context, args []string, stderr io.Writer) (*options, error) {
	o := &options{plan: turns.Plan{Config: work.DefaultConfig(), Progress: stderr}}
	c := &o.plan.Config
	w := &wishes{}
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&w.peers, "peers", "etcd,zookeeper,redis", "comma-separated `services` beside lockd, or none")
	flags.StringVar(&w.workloads, "workloads", "W1s,W2,W3,W4,W5,W6,W7", "comma-separated `IDs`; W1 is W1s without sessions")
	flags.StringVar(&w.clients, "clients", "1,16,64,256,1024", "`numbers` of clients of W1s and W1")
	flags.IntVar(&w.askers, "askers", 64, "clients of W2, W3 and W4")
	flags.Float64Var(&w.seconds, "seconds", 1.5, "measured time of each setting of W1 to W4, after a third of it as a warm-up")
	flags.DurationVar(&w.javaWarmUp, "java-warm-up", 5*time.Second, "load on each ZooKeeper before it is measured, so that Java has compiled what it runs")
	flags.IntVar(&o.plan.Rounds, "repeat", 3, "`rounds`; figures are medians over them")
	flags.BoolVar(&w.quick, "quick", false, "one short round with fewer settings: under 4 minutes, and figures to match")
	flags.IntVar(&c.Held, "held", 50_000, "locks of W5, which is in the first round only")
	flags.IntVar(&c.Expiries, "expiries", 6, "holders that vanish in each round of W6")
	flags.DurationVar(&c.TTL, "ttl", 4*time.Second, "TTL of their sessions; ZooKeeper makes less than 4s 4s")
	flags.IntVar(&c.Kills, "kills", 2, "leaders killed in each round of W7")
	flags.IntVar(&c.KillClients, "kill-clients", 16, "clients of W7")
	flags.StringVar(&w.lockd, "lockd", "../../bin/lockd", "lockd `binary`")
	flags.StringVar(&w.etcd, "etcd", "../../bin/peers/etcd", "etcd `binary`")
	flags.StringVar(&o.markdown, "markdown", "", "`file` for the tables, beside standard output")
	flags.StringVar(&o.svg, "svg", "", "`file` for the chart")
	flags.DurationVar(&o.timeout, "timeout", 40*time.Minute, "end after that time, whatever is left")
	flags.StringVar(&o.plan.Dir, "dir", os.TempDir(), "`folder` on the disk to be measured; the files go into it, and away again")
	flags.BoolVar(&o.plan.Keep, "keep", false, "keep the files of a service on which a workload failed")
	flags.IntVar(&o.plan.Port, "port-base", 0, "first of the loopback `ports` taken; 0 finds free ones")
	flags.Usage = func() { usage(flags, stderr) }
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: peers takes flags only", flags.Arg(0))
	}
	if w.quick {
		w.hurry(o, flags)
	}
	return o, o.settle(ctx, w)
}

// hurry makes everything short that was not asked for otherwise.
func (w *wishes) hurry(o *options, flags *flag.FlagSet) {
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	c := &o.plan.Config
	for name, shorten := range map[string]func(){
		"clients": func() { w.clients = "1,64,1024" },
		"seconds": func() { w.seconds = 0.6 },
		"repeat":  func() { o.plan.Rounds = 1 },
		"held":    func() { c.Held = 5_000 },
		// Not enough, but long for a quick run.
		"java-warm-up": func() { w.javaWarmUp = 3 * time.Second },
		"expiries":     func() { c.Expiries = 3 },
		"kills":        func() { c.Kills = 1 },
	} {
		if !given[name] {
			shorten()
		}
	}
}

// settle checks the options together.
func (o *options) settle(ctx context.Context, w *wishes) error {
	c := &o.plan.Config
	switch {
	case o.plan.Rounds < 1 || o.plan.Rounds > maxRounds:
		return fmt.Errorf("-repeat %d: 1 to %d", o.plan.Rounds, maxRounds)
	case o.timeout <= 0 || o.timeout > maxTimeout:
		return fmt.Errorf("-timeout %v: more than 0, at most %v", o.timeout, maxTimeout)
	}
	clients, err := numbers(w.clients)
	if err != nil {
		return fmt.Errorf("-clients %s: %w", w.clients, err)
	}
	c.Clients, c.Waiters = clients, []int{w.askers}
	c.Duration = time.Duration(w.seconds * float64(time.Second))
	c.WarmUp = c.Duration / 3
	if err := c.Validate(); err != nil {
		return err
	}
	all, err := contestants(ctx, w)
	if err != nil {
		return err
	}
	for _, one := range all {
		if one.ours {
			o.ours = append(o.ours, one.driver.Name())
		}
	}
	if o.versions = versions(ctx, w); w.quick {
		o.versions = append(o.versions, "NOTE: a quick run, which shows that everything works: its figures mean little")
	}
	return o.steps(w, all)
}

// steps has each workload carried out on the services for which it means
// something.
func (o *options) steps(w *wishes, all []contestant) error {
	chosen, err := work.Choose(strings.Split(w.workloads, ","))
	if err != nil {
		return fmt.Errorf("-workloads %s: %w", w.workloads, err)
	}
	for _, workload := range chosen {
		step := turns.Step{Workload: workload}
		for _, one := range all {
			if one.takesPart(workload.ID) {
				step.Drivers = append(step.Drivers, one.driver)
			}
		}
		switch workload.ID {
		case "W3", "W4":
			step.Clients = []int{w.askers}
		case "W5":
			step.Rounds = 1
		}
		if len(step.Drivers) == 0 {
			return errors.New("-workloads " + workload.ID + ": it is not for comparing")
		}
		o.plan.Steps = append(o.plan.Steps, step)
	}
	return nil
}

func numbers(text string) (list []int, err error) {
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", word)
		}
		list = append(list, n)
	}
	return list, nil
}

func usage(flags *flag.FlagSet, stderr io.Writer) {
	fmt.Fprintln(stderr, "usage: peers [flags]\n\nWorkloads:")
	for _, w := range work.All() {
		fmt.Fprintf(stderr, "  %-4s %s\n", w.ID, w.Title)
	}
	fmt.Fprintln(stderr, "\nFlags:")
	flags.PrintDefaults()
}
