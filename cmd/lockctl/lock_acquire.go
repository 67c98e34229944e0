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

  lockctl lock acquire prod/db prod/api --run-id "$BUILD_ID"
  lockctl lock acquire prod --tree --run-id freeze --reason "moving disks"`,
		Flags: append(acquireFlags(),
			&cli.BoolFlag{Name: "shared", Usage: "share them with other shared locks"},
			&cli.BoolFlag{Name: "tree", Usage: "lock everything below them too"},
		),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, api.MaxRefs)
			if err != nil {
				return err
			}
			run, err := runID(c)
			if err != nil {
				return err
			}
			wait, err := patience(c)
			if err != nil {
				return err
			}
			ask := api.LockAcquire{
				Refs: wants(c, args), RunID: run, Session: c.String("session"),
				TTL: api.Duration(c.Duration("ttl")), Wait: api.Duration(wait), Reason: c.String("reason"),
			}
			return t.call(c, wait, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.LockAcquire(ctx, ask)
				if err != nil {
					return t.answered(err)
				}
				return t.printLocks(got)
			})
		},
	}
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
