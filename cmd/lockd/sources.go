package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"gopkg.in/yaml.v3"
)

// complete sets every flag that the command line did not: from its variable,
// else from the configuration file. All three are parsed by the flag itself.
func complete(c *cli.Context, flags []cli.Flag, env []string) error {
	variables := make(map[string]string, len(env))
	for _, e := range env {
		if name, value, _ := strings.Cut(e, "="); value != "" {
			variables[name] = value
		}
	}
	if err := fromVariables(c, flags, variables); err != nil {
		return err
	}
	path := c.String("config")
	if path == "" {
		return nil
	}
	file, err := readConfig(path)
	if err != nil {
		return err
	}
	return fromFile(c, flags, path, file)
}

func variable(flag string) string {
	return "LOCKD_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func fromVariables(c *cli.Context, flags []cli.Flag, variables map[string]string) error {
	for _, f := range flags {
		name := f.Names()[0]
		value, given := variables[variable(name)]
		if !given || c.IsSet(name) {
			continue
		}
		if err := c.Set(name, value); err != nil {
			return fmt.Errorf("%s: %q is no value for --%s: %w", variable(name), value, name, err)
		}
	}
	return nil
}

// setting is one key of the file with where it stands.
type setting struct {
	key, value string
	line       int
}

// readConfig reads the top level of the file: scalars, and lists of them, which
// are joined by commas.
func readConfig(path string) ([]setting, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxConfigBytes+1))
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	if len(text) > maxConfigBytes {
		return nil, fmt.Errorf("--config: %s is longer than %d bytes", path, maxConfigBytes)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("--config: %s: %w", path, err)
	}
	if len(document.Content) == 0 {
		return nil, nil
	}
	top := document.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("--config: %s:%d: expected keys and values, such as \"name: n1\"", path, top.Line)
	}
	var all []setting
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		text, err := scalars(value)
		if err != nil {
			return nil, fmt.Errorf("--config: %s:%d: %s: %w", path, key.Line, key.Value, err)
		}
		all = append(all, setting{key.Value, text, key.Line})
	}
	return all, nil
}

var errNoScalar = errors.New("expected one value or a list of values")

func scalars(node *yaml.Node) (string, error) {
	switch node.Kind {
	case yaml.ScalarNode:
		if node.Tag == "!!null" {
			return "", nil
		}
		return node.Value, nil
	case yaml.SequenceNode:
		var parts []string
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode {
				return "", errNoScalar
			}
			parts = append(parts, item.Value)
		}
		return strings.Join(parts, ","), nil
	}
	return "", errNoScalar
}

func fromFile(c *cli.Context, flags []cli.Flag, path string, file []setting) error {
	known := make([]string, 0, len(flags))
	for _, f := range flags {
		if name := f.Names()[0]; name != "config" {
			known = append(known, name)
		}
	}
	seen := make(map[string]bool, len(file))
	for _, s := range file {
		switch {
		case !slices.Contains(known, s.key):
			return fmt.Errorf("--config: %s:%d: unknown key %q: the keys are %s", path, s.line, s.key, strings.Join(known, ", "))
		case seen[s.key]:
			return fmt.Errorf("--config: %s:%d: %q is given twice", path, s.line, s.key)
		}
		seen[s.key] = true
		if s.value == "" || c.IsSet(s.key) {
			continue
		}
		if err := c.Set(s.key, s.value); err != nil {
			return fmt.Errorf("--config: %s:%d: %q is no value for %s: %w", path, s.line, s.value, s.key, err)
		}
	}
	return nil
}
