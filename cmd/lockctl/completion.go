package main

import (
	_ "embed"
	"io"

	"github.com/urfave/cli/v2"
)

// The scripts ask "lockctl __complete" for candidates: what can be completed is
// known in one place.
var (
	//go:embed completion/lockctl.bash
	bashScript string
	//go:embed completion/lockctl.zsh
	zshScript string
	//go:embed completion/lockctl.fish
	fishScript string
)

var shells = map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}

func (t *tool) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print what makes a shell complete commands, flags, and names from the cluster",
		ArgsUsage: "bash|zsh|fish",
		Description: `Keys, references, runs, sessions and nodes are asked of the cluster that LOCKD_ADDR
names; a cluster that does not answer within half a second offers none.

  lockctl completion bash > /etc/bash_completion.d/lockctl
  lockctl completion zsh > "${fpath[1]}/_lockctl"
  lockctl completion fish > ~/.config/fish/completions/lockctl.fish`,
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			script, known := shells[args[0]]
			if !known {
				return usageError("%s: %q: there are bash, zsh and fish", c.Command.HelpName, args[0])
			}
			_, err = io.WriteString(t.stdout, script)
			return err
		},
	}
}
