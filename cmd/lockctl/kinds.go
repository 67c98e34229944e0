package main

import (
	"context"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

// kind is what a name is of. The commands that ask about names are the same for
// both.
type kind string

const (
	keyKind kind = "key"
	refKind kind = "reference"
)

// group is the group of commands of the kind, argument what stands for a name in
// their help.
func (k kind) group() string {
	if k == keyKind {
		return "key"
	}
	return "lock"
}

func (k kind) argument() string {
	if k == keyKind {
		return "KEY"
	}
	return "REF"
}

// named is one name with who has it and who wants it.
type named struct {
	kind kind
	name string

	holders []api.Hold
	waiters []api.Wait
	// coveredBy are the tree holds above a reference.
	coveredBy []api.Hold
	// answer is the API's own.
	answer any
}

type namedPage struct {
	names  []*named
	next   string
	answer any
}

func (k kind) get(ctx context.Context, cluster *client.Client, name string, opts ...client.ReadOption) (*named, error) {
	if k == keyKind {
		got, err := cluster.KeyGet(ctx, name, opts...)
		if err != nil {
			return nil, err
		}
		return ofKey(got), nil
	}
	got, err := cluster.LockGet(ctx, name, opts...)
	if err != nil {
		return nil, err
	}
	return ofRef(got), nil
}

func (k kind) list(ctx context.Context, cluster *client.Client, page client.Page, opts ...client.ReadOption) (*namedPage, error) {
	p := new(namedPage)
	if k == keyKind {
		got, err := cluster.KeyList(ctx, page, opts...)
		if err != nil {
			return nil, err
		}
		p.next, p.answer = got.Next, got
		for i := range got.Keys {
			p.names = append(p.names, ofKey(&got.Keys[i]))
		}
		return p, nil
	}
	got, err := cluster.LockList(ctx, page, opts...)
	if err != nil {
		return nil, err
	}
	p.next, p.answer = got.Next, got
	for i := range got.Locks {
		p.names = append(p.names, ofRef(&got.Locks[i]))
	}
	return p, nil
}

// take breaks a hold.
func (k kind) take(ctx context.Context, cluster *client.Client, name string, token uint64, reason string) (*api.BrokenAnswer, error) {
	if k == keyKind {
		return cluster.KeyBreak(ctx, api.KeyBreak{Key: name, Token: token, Reason: reason, Client: self()})
	}
	return cluster.LockBreak(ctx, api.LockBreak{Ref: name, Token: token, Reason: reason, Client: self()})
}

func ofKey(k *api.KeyState) *named {
	return &named{kind: keyKind, name: k.Key, holders: k.Holders, waiters: k.Waiters, answer: k}
}

func ofRef(l *api.LockState) *named {
	return &named{kind: refKind, name: l.Ref, holders: l.Holders, waiters: l.Waiters, coveredBy: l.CoveredBy, answer: l}
}

// keyFlag makes of a command's NAME a key.
func keyFlag() cli.Flag {
	return &cli.BoolFlag{Name: "key", Usage: "NAME is a concurrency key, not a reference"}
}

// kindOf says what NAME is: a reference, unless --key is given.
func kindOf(c *cli.Context) kind {
	if c.Bool("key") {
		return keyKind
	}
	return refKind
}

// option is what makes a NAME on a command line one of the kind.
func (k kind) option() string {
	if k == keyKind {
		return "--key "
	}
	return ""
}

// free says that the name is open to everybody.
func (n *named) free() bool { return len(n.holders)+len(n.waiters)+len(n.coveredBy) == 0 }

// lines are the holds, the requests, and the tree holds that cover the name.
func (n *named) lines(w io.Writer) {
	holdsTable(w, []any{n.name}, n.holders, n.waiters)
	for _, h := range n.coveredBy {
		holdRow(w, []any{n.name}, "covers", h)
	}
	if n.free() {
		row(w, n.name, "free")
	}
}

// all lists names, page by page, until there are most or no more; next is then
// what the next one comes after.
func (k kind) all(ctx context.Context, cluster *client.Client, page client.Page, most int, opts ...client.ReadOption) (names []*named, next string, err error) {
	for {
		page.Limit = min(most-len(names), api.MaxListed)
		got, err := k.list(ctx, cluster, page, opts...)
		if err != nil {
			return nil, "", err
		}
		names = slices.Concat(names, got.names)
		if got.next == "" || len(names) >= most {
			return names, got.next, nil
		}
		page.After = got.next
	}
}
