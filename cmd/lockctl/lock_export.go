package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"lockd/api"
)

// person is who runs lockctl, and where.
func person() string {
	name := "uid" + strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil && host != "" {
		name += "@" + host
	}
	return name
}

// exportRun is the run of a script that says no other: one of its own.
func exportRun(c *cli.Context) string {
	if id := c.String("run-id"); id != "" {
		return id
	}
	return person() + "-" + strings.ToLower(rand.Text()[:8])
}

// exported runs an acquire whose stdout a shell evaluates. When it fails, what is
// evaluated fails with the same exit code: the exit code of the lockctl within
// eval "$(...)" is nobody's to see.
func (t *tool) exported(acquire func() error) error {
	err := acquire()
	if err != nil {
		code := exitCode(err)
		if errors.As(err, new(interrupted)) {
			code = exitSignal
		}
		fmt.Fprintf(t.stdout, "(exit %d)\n", code)
	}
	return err
}

// printExports writes what a shell needs to know of the locks that it holds. Of
// several references there is one a line in LOCKD_REF, and so are their tokens.
func (t *tool) printExports(got *api.LockAcquired) {
	var refs, tokens []string
	for _, lock := range got.Locks {
		refs = append(refs, lock.Ref)
		tokens = append(tokens, strconv.FormatUint(lock.Token, 10))
		if lock.Previous != nil {
			t.say("%s", previousText(lock.Ref, lock.Previous))
		}
	}
	fmt.Fprintf(t.stdout, "export LOCKD_REF=%s\n", shellWord(strings.Join(refs, "\n")))
	fmt.Fprintf(t.stdout, "export LOCKD_RUN_ID=%s\n", shellWord(got.RunID))
	fmt.Fprintf(t.stdout, "export LOCKD_FENCE=%s\n", shellWord(strings.Join(tokens, "\n")))
	if got.Session != "" {
		fmt.Fprintf(t.stdout, "export LOCKD_SESSION=%s\n", shellWord(got.Session))
	} else {
		fmt.Fprintln(t.stdout, "unset LOCKD_SESSION")
	}
}

// shellWord is text as one word of any POSIX shell, whatever is in it.
func shellWord(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
