package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"lockd/client"
)

// commonFlags are those of every command. The file names and addresses default to
// the variables that the client reads itself.
func (t *tool) commonFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "addr", Usage: "client `URLS` of the nodes, separated by commas (LOCKD_ADDR)", Category: "CLUSTER"},
		&cli.StringFlag{Name: "token-file", Usage: "bearer token `FILE` (LOCKD_TOKEN_FILE)", Category: "CLUSTER"},
		&cli.StringFlag{Name: "cacert", Usage: "authorities `FILE` (LOCKD_CACERT)", Category: "CLUSTER"},
		&cli.StringFlag{Name: "client-cert", Usage: "certificate `FILE` (LOCKD_CLIENT_CERT)", Category: "CLUSTER"},
		&cli.StringFlag{Name: "client-key", Usage: "key `FILE` (LOCKD_CLIENT_KEY)", Category: "CLUSTER"},
		&cli.DurationFlag{Name: "timeout", Value: defaultTimeout, Usage: "give a cluster that does not answer `DURATION`", Category: "CLUSTER"},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: asTable, Usage: "`FORMAT`: table, json, or plain (tabs, no header, for cut and awk)", Category: "OUTPUT", Destination: &t.output},
	}
}

// connect returns a client as the flags and the environment say. change may
// adapt its configuration.
func (t *tool) connect(c *cli.Context, change func(*client.Config)) (*client.Client, error) {
	if !slices.Contains(outputs, t.output) {
		return nil, usageError("--output %q: %s", t.output, strings.Join(outputs, ", "))
	}
	if c.Duration("timeout") <= 0 {
		return nil, usageError("--timeout %v: must be positive", c.Duration("timeout"))
	}
	config := client.ConfigFromEnv()
	config.Logger = slog.New(slog.DiscardHandler)
	if addrs := c.String("addr"); addrs != "" {
		config.Addrs = strings.Split(addrs, ",")
	}
	for flag, field := range map[string]*string{
		"token-file": &config.TokenFile, "cacert": &config.CACert,
		"client-cert": &config.ClientCert, "client-key": &config.ClientKey,
	} {
		if c.IsSet(flag) {
			*field = c.String(flag)
		}
	}
	if change != nil {
		change(&config)
	}
	return client.New(config)
}

// call makes one call of the API, bounded by --timeout beyond what the call asks
// the cluster to wait.
func (t *tool) call(c *cli.Context, wait time.Duration, do func(context.Context, *client.Client) error) error {
	// A stream is not worth its making for one call.
	cluster, err := t.connect(c, func(config *client.Config) { config.PlainHTTP = true })
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context, wait+c.Duration("timeout"))
	defer cancel()
	failed := do(ctx, cluster)
	// No session was opened by the client itself: there is nothing to give back.
	_ = cluster.Close(ctx)
	return failed
}
