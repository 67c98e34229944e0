package main

import (
	"errors"
	"fmt"
	"strings"

	"lockd/api"
	"lockd/client"
)

// answered prints the refusal of one call the way its answer would have been
// printed: as the API's JSON on stdout if that was asked for, and in words on
// stderr.
func (t *tool) answered(err error) error {
	refused, ok := errors.AsType[*client.Error](err)
	if !ok || exitCode(err) == exitNoQuorum {
		return err
	}
	if t.output == asJSON && refused.Problem.Code != "" {
		if err := t.printJSON(&refused.Problem); err != nil {
			return err
		}
	}
	return &exitError{exitCode(err), errors.New(refusalText(&refused.Problem))}
}

// refusalText says what was refused, by whom, and what to do.
func refusalText(p *api.Problem) string {
	var lines []string
	if p.Key != "" && p.Code == api.CodeOccupied {
		lines = append(lines, conflictText("key "+p.Key, p.Holders))
	}
	for _, c := range p.Conflicts {
		lines = append(lines, conflictText(c.Ref, c.Holders))
	}
	if len(p.Cycle) > 0 {
		lines = append(lines, "waiting would close a cycle: "+strings.Join(p.Cycle, " -> "))
	}
	if len(lines) > 0 {
		return string(p.Code) + ": " + strings.Join(lines, "; ")
	}
	return fmt.Sprintf("%s: %s", p.Code, p.Detail)
}
