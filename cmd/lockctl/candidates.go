package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"lockd/client"
)

// candidatesCommand answers the completion scripts. Its arguments are the words
// behind "lockctl" up to the cursor, of which the last is the one to complete. It
// writes a candidate a line, with a tab and a description behind it; the line
// ":files" means names of files. Whatever goes wrong, it says nothing.
func (t *tool) candidatesCommand() *cli.Command {
	return &cli.Command{
		Name: "__complete", Hidden: true,
		Action: func(c *cli.Context) error {
			words := c.Args().Slice()
			if len(words) == 0 {
				return nil
			}
			typed := t.parseTyped(c, words)
			if typed == nil {
				return nil
			}
			for _, found := range typed.candidates() {
				fmt.Fprintf(t.stdout, "%s\t%s\n", printable(found.word), printable(found.about))
			}
			if slices.Contains(fileFlags, typed.flag) {
				fmt.Fprintln(t.stdout, ":files")
			}
			return nil
		},
	}
}

// candidate is a word that can stand at the cursor.
type candidate struct{ word, about string }

// What the arguments of commands and the values of flags are names of.
var (
	argumentNames = map[string]nouns{
		"lockctl run": ofKind, "lockctl why": ofKind, "lockctl break": ofKind, "lockctl history": ofKind,
		"lockctl hold": onlyRefs, "lockctl release": onlyRefs, "lockctl list": keysAndRefs, "lockctl watch": keysAndRefs,
		"lockctl key get": onlyKeys, "lockctl key list": onlyKeys, "lockctl key acquire": onlyKeys, "lockctl key release": onlyKeys,
		"lockctl lock get": onlyRefs, "lockctl lock list": onlyRefs, "lockctl lock acquire": onlyRefs,
		"lockctl lock release": onlyRefs, "lockctl lock downgrade": onlyRefs,
		"lockctl runs show": runNames, "lockctl runs release": runNames,
		"lockctl session keepalive": sessionNames, "lockctl session close": sessionNames, "lockctl keepalive": sessionNames,
		"lockctl leader transfer": nodeNames, "lockctl completion": shellNames,
	}
	flagNames = map[string]nouns{
		"run-id": runNames, "session": sessionNames, "token": tokensOf, "output": outputNames, "o": outputNames, "kind": kindNames,
		"on-lost": lossNames,
	}
	fileFlags = []string{"token-file", "cacert", "client-cert", "client-key", "status-file", "flock"}
)

// typed is a command line up to the cursor.
type typed struct {
	*tool
	context *cli.Context
	// commands and flags are what can stand there, of the command named path.
	commands []*cli.Command
	flags    []cli.Flag
	path     string
	// key says that --key was among the flags, args are the arguments before.
	key  bool
	args []string
	// flag is the one whose value is completed, "" for none; lead is "--flag=", if
	// that is part of the word.
	flag, lead string
	current    string
}

// parseTyped returns nil for a command that there is not.
func (t *tool) parseTyped(c *cli.Context, words []string) *typed {
	root := c.App
	p := &typed{tool: t, context: c, commands: root.Commands, flags: root.Flags, path: root.Name, current: words[len(words)-1]}
	for i := 0; i < len(words)-1; i++ {
		word := words[i]
		switch {
		case word == "--":
			p.commands, p.flags = nil, nil
		case len(word) > 1 && word[0] == '-' && p.flags != nil:
			name, value, whole := strings.Cut(strings.TrimLeft(word, "-"), "=")
			p.key = p.key || name == "key"
			if !whole && takesValue(p.flags, word) {
				if i++; i == len(words)-1 {
					p.flag = name
					return p
				}
				value = words[i]
			}
			// Only the way to the cluster matters here; the rest is refused.
			_ = c.Set(name, value)
		case len(p.commands) > 0:
			next := find(p.commands, word)
			if next == nil {
				return nil
			}
			p.commands, p.flags, p.path = next.Subcommands, slices.Concat(p.flags, next.Flags), next.HelpName
		default:
			p.args = append(p.args, word)
		}
	}
	if name, value, found := strings.Cut(p.current, "="); found && strings.HasPrefix(name, "--") && p.flags != nil {
		p.flag, p.lead, p.current = strings.TrimPrefix(name, "--"), name+"=", value
	}
	return p
}

func (p *typed) candidates() []candidate {
	var all []candidate
	switch {
	case p.flag != "":
		all = p.names(flagNames[p.flag])
	case strings.HasPrefix(p.current, "-") && p.flags != nil:
		all = p.flagWords()
	case len(p.commands) > 0:
		for _, c := range p.commands {
			if !c.Hidden {
				all = append(all, candidate{c.Name, c.Usage})
			}
		}
	default:
		all = p.names(argumentNames[p.path])
	}
	all = slices.DeleteFunc(all, func(x candidate) bool { return !strings.HasPrefix(x.word, p.current) })
	slices.SortStableFunc(all, func(a, b candidate) int { return strings.Compare(a.word, b.word) })
	all = slices.CompactFunc(all, func(a, b candidate) bool { return a.word == b.word })
	for i := range all {
		all[i].word = p.lead + all[i].word
	}
	return all[:min(len(all), maxCandidates)]
}

func (p *typed) flagWords() []candidate {
	var all []candidate
	for _, f := range slices.Concat(p.flags, []cli.Flag{cli.HelpFlag}) {
		about := ""
		if documented, ok := f.(cli.DocGenerationFlag); ok {
			about = strings.ReplaceAll(documented.GetUsage(), "`", "")
		}
		for _, name := range f.Names() {
			if len(name) > 1 {
				all = append(all, candidate{"--" + name, about})
			}
		}
	}
	return all
}

// names asks for the names; none if the cluster does not answer at once.
func (p *typed) names(of nouns) []candidate {
	if of == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(p.context.Context, completionTime)
	defer cancel()
	cluster, err := p.connect(p.context, func(config *client.Config) { config.PlainHTTP = true })
	if err != nil {
		return nil
	}
	// No session was opened: there is nothing to give back.
	defer func() { _ = cluster.Close(ctx) }()
	return of(ctx, p, cluster)
}
