package main

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestAMistypedFlagIsToldItsNeighbour(t *testing.T) {
	for given, want := range map[string]string{
		"list --holder":               `Did you mean "--holders"?`,
		"status --ouptut json":        `Did you mean "--output"?`,
		"break x --tokne 3":           `Did you mean "--token"?`,
		"run r --shard -- true":       `Did you mean "--shared"?`,
		"--adr=x status":              `Did you mean "--addr"?`,
		"lock acquire --raeson=x a":   `Did you mean "--reason"?`,
		"status --something-entirely": `has no flag --something-entirely. "lockctl status --help" lists them`,
	} {
		app := new(tool).app()
		arranged, _, err := arrange(app, append([]string{"lockctl"}, strings.Fields(given)...))
		if err == nil {
			err = knownFlags(app, arranged)
		}
		if err == nil || exitCode(err) != exitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", given, err)
		}
	}
}

func TestAFarWordIsNotGuessed(t *testing.T) {
	for given, want := range map[string]string{
		"gte": "get", "histroy": "history", "wach": "watch", "stat": "status", "get": "", "frobnicate": "", "x": "",
	} {
		known := []string{"watch", "history", "status", "key", "completion"}
		if given == "gte" {
			known = []string{"acquire", "get"}
		}
		got := didYouMean(given, known)
		if want == "" && got != "" || want != "" && got != ` Did you mean "`+want+`"?` {
			t.Errorf("%s: %q", given, got)
		}
	}
}

// leaves are all commands that do something.
func leaves(commands []*cli.Command) []*cli.Command {
	var all []*cli.Command
	for _, c := range commands {
		if len(c.Subcommands) > 0 {
			all = append(all, leaves(c.Subcommands)...)
		} else if !c.Hidden {
			all = append(all, c)
		}
	}
	return all
}

func TestEveryCommandHasAnExampleThatIsRight(t *testing.T) {
	for _, c := range leaves(new(tool).app().Commands) {
		_, examples := split(c.Description)
		found := false
		for line := range strings.SplitSeq(examples, "\n") {
			at := strings.Index(line, "lockctl ")
			if at < 0 {
				continue
			}
			found = found || strings.HasPrefix(line[at:], c.HelpName)
			words := strings.Fields(line[at:])
			for i, w := range words {
				if strings.ContainsAny(w[:1], "|&>#") {
					words = words[:i]
					break
				}
				words[i] = strings.TrimRight(w, `)"`) // of "$(lockctl ...)"
			}
			app := new(tool).app()
			arranged, _, err := arrange(app, words)
			if err == nil {
				err = knownFlags(app, arranged)
			}
			if err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
		if !found {
			t.Errorf("%s has no example", c.HelpName)
		}
	}
}
