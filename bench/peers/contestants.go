package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

	"lockd/bench/lockd"
	"lockd/bench/peers/etcd"
	"lockd/bench/peers/redis"
	"lockd/bench/peers/zookeeper"
	"lockd/bench/system"
)

// questionTime bounds the question what a binary can do.
const questionTime = 10 * time.Second

// etcdConnections is how many clients of etcd's library all callers share: with
// one, as its documentation has it, etcd was as fast as with more, for less CPU.
const etcdConnections = 1

// checker is a driver that knows what must be installed.
type checker interface {
	system.Driver
	Check() error
}

// contestant is a way to run and use a service, and the workloads for which that
// way makes a difference; all if there are none.
type contestant struct {
	driver    checker
	ours      bool
	family    string
	workloads []string
}

func (c contestant) takesPart(workload string) bool {
	switch {
	case workload == "W8" || workload == "W1-stream":
		return false
	case workload == "W1":
		workload = "W1s"
	}
	return len(c.workloads) == 0 || slices.Contains(c.workloads, workload)
}

// contestants are lockd's and those of the services asked for, whose servers must
// be there.
func contestants(ctx context.Context, w *wishes) ([]contestant, error) {
	all := []contestant{
		{lockd.Driver{Path: w.lockd, Label: "lockd"}, true, "lockd", nil},
		{lockd.Driver{Path: w.lockd, Label: "lockd stream", Stream: true}, true, "lockd", []string{"W1s", "W2", "W3", "W4"}},
		{etcd.Driver{Path: w.etcd, Connections: etcdConnections}, false, "etcd", nil},
		{etcd.Driver{Path: w.etcd, Connections: etcdConnections, Bare: true}, false, "etcd", []string{"W3"}},
		{zookeeper.Driver{WarmUp: w.javaWarmUp}, false, "zookeeper", nil},
		{zookeeper.Driver{Bare: true, WarmUp: w.javaWarmUp}, false, "zookeeper", []string{"W1s", "W3"}},
		{redis.Driver{}, false, "redis", []string{"W1s", "W2", "W3", "W4", "W5", "W6"}},
		{redis.Driver{Pipelined: true}, false, "redis", []string{"W1s"}},
	}
	if lockd := (lockd.Driver{Path: w.lockd}); lockd.Check() == nil && offers(ctx, w.lockd, "--log-store") {
		all = slices.Insert(all, 2, walContestants(w.lockd)...)
	}
	families := []string{"lockd"}
	if w.peers != "none" {
		for name := range strings.SplitSeq(w.peers, ",") {
			if !slices.ContainsFunc(all, func(c contestant) bool { return !c.ours && c.family == name }) {
				return nil, fmt.Errorf("-peers %s: there is no %q; there are etcd, zookeeper and redis", w.peers, name)
			}
			families = append(families, name)
		}
	}
	all = slices.DeleteFunc(all, func(c contestant) bool { return !slices.Contains(families, c.family) })
	missing := make(map[string]error)
	for _, c := range all {
		missing[c.family] = c.driver.Check()
	}
	return all, errors.Join(slices.Collect(maps.Values(missing))...)
}

// walContestants are lockd with its faster log store.
func walContestants(path string) []contestant {
	args := []string{"--log-store=wal"}
	return []contestant{
		{lockd.Driver{Path: path, Label: "lockd wal", Args: args}, true, "lockd", []string{"W1s", "W2", "W7"}},
		{lockd.Driver{Path: path, Label: "lockd stream wal", Args: args, Stream: true}, true, "lockd", []string{"W1s", "W2"}},
	}
}

// offers says whether a binary's help names a flag.
func offers(ctx context.Context, path, flag string) bool {
	return strings.Contains(said(ctx, path, "--help"), flag)
}

// said is what a command prints; what it could not say is empty.
func said(ctx context.Context, path string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, questionTime)
	defer cancel()
	text, err := exec.CommandContext(ctx, path, args...).Output()
	if err != nil {
		return ""
	}
	return string(text)
}

// versions note which releases are compared.
func versions(ctx context.Context, w *wishes) []string {
	var all []string
	for _, question := range []struct {
		family, path string
		args         []string
	}{
		{"lockd", w.lockd, []string{"--version"}},
		{"etcd", w.etcd, []string{"--version"}},
		{"zookeeper", "dpkg-query", []string{"--show", "zookeeper"}},
		{"redis", "redis-server", []string{"--version"}},
	} {
		if question.family != "lockd" && !slices.Contains(strings.Split(w.peers, ","), question.family) {
			continue
		}
		first, _, _ := strings.Cut(said(ctx, question.path, question.args...), "\n")
		if first != "" {
			all = append(all, strings.Join(strings.Fields(first), " "))
		}
	}
	return all
}
