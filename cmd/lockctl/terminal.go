package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// readLine reads a line that a person types on the terminal that stdin is, or
// ends with ctx: a read of a terminal cannot be interrupted, so one is only begun
// when there is something to read.
func (t *tool) readLine(ctx context.Context) (string, error) {
	keyboard, ok := t.stdin.(*os.File)
	if !ok {
		return "", errors.New("stdin is no terminal")
	}
	ended, end, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer ended.Close()
	stop := context.AfterFunc(ctx, func() { _ = end.Close() })
	defer func() {
		if stop() {
			_ = end.Close()
		}
	}()
	waiting := []unix.PollFd{{Fd: int32(keyboard.Fd()), Events: unix.POLLIN}, {Fd: int32(ended.Fd()), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(waiting, -1)
		switch {
		case ctx.Err() != nil:
			fmt.Fprintln(t.stderr)
			return "", context.Cause(ctx)
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return "", fmt.Errorf("wait for the terminal: %w", err)
		}
		// The terminal hands over whole lines.
		line := make([]byte, maxTyped)
		n, err := keyboard.Read(line)
		if n == 0 && err != nil {
			return "", nil // nothing was typed
		}
		return strings.TrimSpace(string(line[:n])), nil
	}
}

// quoted is text as one word of a shell's command line.
func quoted(text string) string {
	if text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,=", r)
	}) && text[0] != '-' {
		return text
	}
	return "'" + strings.ReplaceAll(printable(text), "'", `'\''`) + "'"
}
