package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// knownFlags refuses a flag that the command does not have, and names the one
// that may be meant. Arranged is as arrange leaves it: the command, its flags, --.
func knownFlags(app *cli.App, arranged []string) error {
	commands, known := app.Commands, app.Flags
	path := app.Name
	for i := 1; i < len(arranged) && arranged[i] != "--"; i++ {
		word := arranged[i]
		if !strings.HasPrefix(word, "-") {
			next := find(commands, word)
			if next == nil {
				return nil // the value of a flag that is last
			}
			commands, known, path = next.Subcommands, append(known[:len(known):len(known)], next.Flags...), next.HelpName
			continue
		}
		name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if !isFlag(known, name) && !isFlag([]cli.Flag{cli.HelpFlag, cli.VersionFlag}, name) {
			return unknownFlag(path, known, word, name)
		}
		if takesValue(known, word) {
			i++
		}
	}
	return nil
}

func isFlag(known []cli.Flag, name string) bool {
	for _, f := range known {
		for _, n := range f.Names() {
			if n == name {
				return true
			}
		}
	}
	return false
}

func unknownFlag(path string, known []cli.Flag, word, name string) error {
	var names []string
	for _, f := range known {
		for _, n := range f.Names() {
			if len(n) > 1 {
				names = append(names, n)
			}
		}
	}
	err := fmt.Errorf("%s has no flag %s.%s \"%s --help\" lists them", path, word, strings.Replace(didYouMean(name, names), `"`, `"--`, 1), path)
	if path == "lockctl check" {
		return &exitError{int(stateUnknown), err}
	}
	return &exitError{exitUsage, err}
}

// didYouMean names the word that is nearest, if it is near enough to be meant:
// a wrong guess helps less than none.
func didYouMean(word string, known []string) string {
	nearest, least := "", max(1, len(word)/3)
	for _, k := range known {
		d := distance(word, k)
		if len(word) > 1 && strings.HasPrefix(k, word) {
			d = 0
		}
		if d < least || d == least && nearest == "" {
			nearest, least = k, d
		}
	}
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf(" Did you mean %q?", nearest)
}

// distance counts the letters to insert, to leave out, to replace, and the
// neighbours to swap, that make b of a.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
