package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// The reference is what --help says; after a change of that, run the test with
// -update.
func TestTheCommandReferenceIsWhatHelpSays(t *testing.T) {
	app := new(tool).app()
	var b strings.Builder
	b.WriteString("# Commands\n\nMade of what `lockctl COMMAND --help` says. Every command also takes the [common flags](#common-flags).\n\n")
	all := leaves(app.Commands)
	b.WriteString("| | |\n|---|---|\n")
	for _, c := range all {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", c.HelpName, pageOf(c), inMarkdown(c.Usage))
	}
	common := make(map[string]bool)
	for _, f := range app.Flags {
		common[f.Names()[0]] = true
	}
	for _, c := range all {
		fmt.Fprintf(&b, "\n## %s\n\n    %s\n", pageOf(c), strings.TrimSpace(c.HelpName+" [flags] "+c.ArgsUsage))
		text, examples := split(c.Description)
		if text != "" {
			fmt.Fprintf(&b, "\n%s\n", inMarkdown(text))
		}
		writeFlags(&b, c.Flags, func(name string) bool { return !common[name] })
		fmt.Fprintf(&b, "\nFor example:\n\n%s\n", strings.ReplaceAll("  "+strings.ReplaceAll(examples, "\n", "\n  "), "\n    \n", "\n\n"))
	}
	b.WriteString("\n## Common flags\n")
	writeFlags(&b, app.Flags, func(string) bool { return true })
	file := filepath.Join("..", "..", "docs", "lockctl", "commands.md")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Errorf("%s is not what --help says: go test ./cmd/lockctl -run Reference -update", file)
	}
}

func writeFlags(b *strings.Builder, flags []cli.Flag, wanted func(name string) bool) {
	head := "\n| flag | |\n|---|---|\n"
	for _, f := range flags {
		documented, ok := f.(cli.DocGenerationFlag)
		if !ok || !wanted(f.Names()[0]) {
			continue
		}
		var names []string
		for _, n := range f.Names() {
			names = append(names, "`"+strings.Repeat("-", min(2, len(n)))+n+"`")
		}
		usage := strings.ReplaceAll(inMarkdown(documented.GetUsage()), "`", "")
		if text := documented.GetDefaultText(); text != "" && documented.TakesValue() {
			usage += " (default: " + text + ")"
		}
		fmt.Fprintf(b, "%s| %s | %s |\n", head, strings.Join(names, ", "), usage)
		head = ""
	}
}

// inMarkdown keeps text from being taken for a table or for HTML.
func inMarkdown(text string) string { return strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(text) }
