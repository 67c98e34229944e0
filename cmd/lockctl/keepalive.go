package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"lockd/client"
)

// keepalivePause bounds the pause between two keepalives of a long session.
const keepalivePause = time.Minute

func (t *tool) keepaliveCommand() *cli.Command {
	return &cli.Command{
		Name:      "keepalive",
		Usage:     "keep a session alive as long as a process runs",
		ArgsUsage: "[SESSION]",
		Description: `It renews the session (LOCKD_SESSION, see "lockctl lock acquire --export") as long as
the process runs, which is the calling shell unless --pid says otherwise, and then
closes it: whatever the script still holds is given back when the script ends,
however that was. With --background it returns once the session is known to live,
exit code 1 if it is gone; the rest is done by a process of its own, which ends with
the script, or with its last lock. A pid that is used again is not mistaken.

A script is not ended when its session is lost, which is told on stderr: for that,
use "lockctl run".

  eval "$(lockctl lock acquire prod/db --ttl 1m --export)" || exit
  lockctl keepalive --background || exit
  ./first-step && ./second-step
  lockctl lock release`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "background", Usage: "return at once and go on in the background"},
			&cli.IntFlag{Name: "pid", DefaultText: "the calling shell's", Usage: "keep it as long as process `PID` runs"},
			&cli.IntFlag{Name: "owner-fd", Hidden: true},
		},
		Action: t.keepalive,
	}
}

func (t *tool) keepalive(c *cli.Context) error {
	args, err := arguments(c, 0, 1)
	if err != nil {
		return err
	}
	session := t.getenv("LOCKD_SESSION")
	if len(args) == 1 {
		session = args[0]
	}
	if session == "" {
		return usageError("%s: which session? Let \"lockctl lock acquire --ttl DURATION --export\" set LOCKD_SESSION", c.Command.HelpName)
	}
	o, err := openOwner(c)
	if err != nil {
		return err
	}
	defer o.close()
	cluster, err := t.connect(c, func(config *client.Config) { config.PlainHTTP = true })
	if err != nil {
		return err
	}
	defer cluster.Close(context.WithoutCancel(c.Context)) // it opened no session
	ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
	defer cancel()
	sent := sinceBoot()
	kept, err := cluster.SessionKeepalive(ctx, session)
	if c.IsSet("owner-fd") && errors.Is(err, client.ErrSessionNotFound) {
		// The one that started this one renewed it just now: a short script is over.
		return nil
	}
	if err != nil {
		return t.answered(err)
	}
	if c.Bool("background") {
		return t.detach(c, session, o)
	}
	return keepFor(c, cluster, session, o, sent, time.Duration(kept.TTLMS)*time.Millisecond)
}

// keepFor renews the session until its owner has ended, and closes it then. Sent is
// when the last keepalive was: a session that is gone before it can have expired
// since has ended with the last lock that hung on it.
func keepFor(c *cli.Context, cluster *client.Client, session string, o *owner, sent, ttl time.Duration) error {
	pause := min(ttl/3, keepalivePause)
	for {
		ended, err := o.wait(c.Context, pause)
		if err != nil {
			return err
		}
		began := sinceBoot()
		ctx, cancel := context.WithTimeout(c.Context, max(pause, time.Second))
		if ended {
			_, err = cluster.SessionClose(ctx, session)
		} else {
			_, err = cluster.SessionKeepalive(ctx, session)
		}
		cancel()
		switch {
		case ended && err == nil, errors.Is(err, client.ErrSessionNotFound) && (ended || began < sent+ttl):
			return nil
		case err == nil:
			sent = began
		case errors.Is(err, client.ErrSessionNotFound):
			return &exitError{exitLost, fmt.Errorf("session %s has expired, and all that hung on it is lost", session)}
		case ended:
			return fmt.Errorf("session %s is left to expire: %w", session, err)
		}
	}
}

// detach starts the same command again, apart from the shell, and leaves it alone.
func (t *tool) detach(c *cli.Context, session string, o *owner) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find lockctl: %w", err)
	}
	args := []string{"lockctl", "keepalive", "--pid", strconv.Itoa(o.pid)}
	for _, flag := range []string{"addr", "token-file", "cacert", "client-cert", "client-key", "timeout"} {
		if c.IsSet(flag) {
			args = append(args, "--"+flag, fmt.Sprint(c.Value(flag)))
		}
	}
	cmd := &exec.Cmd{Path: program, Args: args, Env: t.env, Stderr: t.stderr, SysProcAttr: detached()}
	if o.file != nil {
		cmd.ExtraFiles = []*os.File{o.file}
		cmd.Args = append(cmd.Args, "--owner-fd", "3")
	}
	cmd.Args = append(cmd.Args, "--", session)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("go to the background: %w", err)
	}
	return t.print(struct {
		Session string `json:"session"`
		PID     int    `json:"pid"`
		Owner   int    `json:"owner"`
	}{session, cmd.Process.Pid, o.pid}, func(w io.Writer) {
		row(w, "SESSION", "PID", "KEPT FOR PID")
		row(w, session, cmd.Process.Pid, o.pid)
	})
}
