package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) lockAcquire() *cli.Command {
	return &cli.Command{
		Name:      "acquire",
		Usage:     "lock references, all of them or none",
		ArgsUsage: "REF...",
		Description: `Without --session and --ttl they are held until they are released or broken.

With --export the answer is what a shell evaluates: it sets LOCKD_REF, LOCKD_RUN_ID,
LOCKD_SESSION and LOCKD_FENCE (the token), which "lockctl keepalive" and "lockctl
lock release" read. Without --run-id the shell becomes a run of its own. If the lock
is not granted, what is evaluated fails with lockctl's exit code.

  eval "$(lockctl lock acquire prod/db --ttl 10m --wait 1h --export)" || exit
  lockctl lock acquire prod/db prod/api --run-id "$BUILD_ID"
  lockctl lock acquire prod --tree --run-id freeze --reason "moving disks"`,
		Flags: append(acquireFlags(),
			&cli.BoolFlag{Name: "shared", Usage: "share them with other shared locks"},
			&cli.BoolFlag{Name: "tree", Usage: "lock everything below them too"},
			&cli.BoolFlag{Name: "export", Usage: "print what a shell evaluates to remember them"},
		),
		Action: func(c *cli.Context) error {
			if !c.Bool("export") {
				return t.acquireLocks(c, runID, t.printLocks)
			}
			return t.exported(func() error {
				return t.acquireLocks(c, func(c *cli.Context) (string, error) { return exportRun(c), nil },
					func(got *api.LockAcquired) error {
						t.printExports(got)
						return nil
					})
			})
		},
	}
}

// acquireLocks does what the flags say and shows the locks granted.
func (t *tool) acquireLocks(c *cli.Context, run func(*cli.Context) (string, error), show func(*api.LockAcquired) error) error {
	args, err := arguments(c, 1, api.MaxRefs)
	if err != nil {
		return err
	}
	id, err := run(c)
	if err != nil {
		return err
	}
	wait, err := patience(c)
	if err != nil {
		return err
	}
	ask := api.LockAcquire{
		Refs: wants(c, args), RunID: id, Session: c.String("session"),
		TTL: api.Duration(c.Duration("ttl")), Wait: api.Duration(wait), Reason: c.String("reason"),
	}
	return t.call(c, wait, func(ctx context.Context, cluster *client.Client) error {
		got, err := cluster.LockAcquire(ctx, ask)
		if err != nil {
			return t.answered(err)
		}
		return show(got)
	})
}

func wants(c *cli.Context, refs []string) []api.LockWant {
	all := make([]api.LockWant, len(refs))
	for i, ref := range refs {
		all[i].Ref = ref
		if c.Bool("shared") {
			all[i].Mode = api.Shared
		}
		if c.Bool("tree") {
			all[i].Scope = api.Tree
		}
	}
	return all
}

// printLocks shows what a run holds now.
func (t *tool) printLocks(got *api.LockAcquired) error {
	for _, lock := range got.Locks {
		if lock.Previous != nil {
			t.say("%s", previousText(lock.Ref, lock.Previous))
		}
	}
	return t.print(got, func(w io.Writer) {
		row(w, "RESULT", "REF", "RUN", "MODE", "TOKEN", "SESSION")
		for _, lock := range got.Locks {
			row(w, got.Result, lock.Ref, got.RunID, string(lock.Mode)+"/"+string(lock.Scope), lock.Token, got.Session)
		}
	})
}
