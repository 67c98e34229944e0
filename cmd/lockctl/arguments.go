package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange lets flags stand anywhere before "--": the cli package wants them
// right behind the command's name. It returns the arguments in that order, and
// what follows "--" of "run", which is another program's and stays untouched.
func arrange(app *cli.App, args []string) (arranged, command []string, err error) {
	var path, flags, rest []string
	commands, known := app.Commands, app.Flags
	for i := 1; i < len(args); i++ {
		word := args[i]
		switch {
		case word == "--":
			if slices.Equal(path, []string{"run"}) {
				command = args[i+1:]
			} else {
				rest = append(rest, args[i+1:]...)
			}
			i = len(args)
		case len(word) > 1 && word[0] == '-':
			flags = append(flags, word)
			if takesValue(known, word) && i+1 < len(args) {
				i++
				flags = append(flags, args[i])
			}
		case len(commands) > 0:
			next := find(commands, word)
			if next == nil {
				return nil, nil, unknownCommand(path, commands, word)
			}
			path = append(path, next.Name)
			commands, known = next.Subcommands, slices.Concat(known, next.Flags)
		default:
			rest = append(rest, word)
		}
	}
	arranged = slices.Concat(args[:1], path, flags)
	if len(commands) == 0 {
		arranged = append(append(arranged, "--"), rest...)
	}
	return arranged, command, nil
}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// takesValue says whether the word after this flag belongs to it.
func takesValue(known []cli.Flag, word string) bool {
	name := strings.TrimLeft(word, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range known {
		if slices.Contains(f.Names(), name) {
			_, isBool := f.(*cli.BoolFlag)
			return !isBool
		}
	}
	return false
}

func unknownCommand(path []string, commands []*cli.Command, word string) error {
	var names []string
	for _, c := range commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	whole := strings.Join(append([]string{"lockctl"}, path...), " ")
	return usageError("%s has no command %q.%s There are %s", whole, word, didYouMean(word, names), strings.Join(names, ", "))
}
