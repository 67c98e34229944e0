package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// manCommand writes the manual pages: one for lockctl and one for each command,
// from what --help says, so that they cannot differ.
func (t *tool) manCommand() *cli.Command {
	return &cli.Command{
		Name: "man", Hidden: true,
		Usage:       "write the manual pages",
		ArgsUsage:   "FOLDER",
		Description: "  lockctl man build/man/man1",
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			for name, page := range manPages(t.app()) {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(page), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// manPages are the pages by the names of their files.
func manPages(app *cli.App) map[string]string {
	names := make(map[string]string)
	var leaves []*cli.Command
	var walk func(commands []*cli.Command)
	walk = func(commands []*cli.Command) {
		for _, c := range commands {
			switch {
			case c.Hidden:
			case len(c.Subcommands) > 0:
				walk(c.Subcommands)
			default:
				leaves = append(leaves, c)
			}
		}
	}
	walk(app.Commands)
	for _, c := range leaves {
		names[pageOf(c)+".1"] = commandPage(c)
	}
	names["lockctl.1"] = appPage(app, leaves)
	return names
}

func pageOf(c *cli.Command) string { return strings.ReplaceAll(c.HelpName, " ", "-") }

// roff is a page in the language of man(7).
type roff struct{ strings.Builder }

func (r *roff) title(page, about string) {
	fmt.Fprintf(r, ".TH %s 1 \"\" \"lockd %s\" \"lockd\"\n.SH NAME\n%s \\- %s\n", strings.ToUpper(page), version, escaped(page), escaped(about))
}

func (r *roff) section(name string) { fmt.Fprintf(r, ".SH %s\n", name) }

// description writes paragraphs, and as they stand the lines that are indented.
func (r *roff) description(text string) {
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			r.WriteString(".PP\n")
		}
		if strings.HasPrefix(paragraph, "  ") {
			fmt.Fprintf(r, ".nf\n.RS 4\n%s\n.RE\n.fi\n", escaped(strings.ReplaceAll("\n"+paragraph, "\n  ", "\n")[1:]))
		} else {
			fmt.Fprintf(r, "%s\n", escaped(paragraph))
		}
	}
}

func (r *roff) flags(flags []cli.Flag) {
	for _, f := range flags {
		documented, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		var names []string
		for _, name := range f.Names() {
			dash := "--"
			if len(name) == 1 {
				dash = "-"
			}
			names = append(names, `\fB`+escaped(dash+name)+`\fR`)
		}
		usage := documented.GetUsage()
		heading := strings.Join(names, ", ")
		if _, rest, found := strings.Cut(usage, "`"); found {
			value, _, _ := strings.Cut(rest, "`")
			heading += ` \fI` + escaped(value) + `\fR`
			usage = strings.ReplaceAll(usage, "`", "")
		}
		if text := documented.GetDefaultText(); text != "" && documented.TakesValue() {
			usage += " (default: " + text + ")"
		}
		fmt.Fprintf(r, ".TP\n%s\n%s\n", heading, escaped(usage))
	}
}

// escaped keeps text from being taken for requests and escapes.
func escaped(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

func commandPage(c *cli.Command) string {
	var r roff
	r.title(pageOf(c), c.Usage)
	r.section("SYNOPSIS")
	fmt.Fprintf(&r, "\\fB%s\\fR [flags] %s\n", escaped(c.HelpName), escaped(c.ArgsUsage))
	text, examples := split(c.Description)
	if text != "" {
		r.section("DESCRIPTION")
		r.description(text)
	}
	r.section("OPTIONS")
	r.flags(c.Flags)
	if examples != "" {
		r.section("EXAMPLES")
		r.description(examples)
	}
	r.section("SEE ALSO")
	r.WriteString("\\fBlockctl\\fR(1), which has the exit codes\n")
	return r.String()
}

// split separates what is said from the examples behind it.
func split(description string) (text, examples string) {
	if strings.HasPrefix(description, "  ") {
		return "", description
	}
	at := strings.LastIndex(description, "\n\n  ")
	if at < 0 {
		return description, ""
	}
	return description[:at], description[at+2:]
}

func appPage(app *cli.App, leaves []*cli.Command) string {
	var r roff
	r.title(app.Name, app.Usage)
	r.section("SYNOPSIS")
	r.WriteString("\\fBlockctl\\fR COMMAND [flags] [arguments]\n")
	r.section("DESCRIPTION")
	r.description(app.Description)
	r.section("COMMANDS")
	slices.SortFunc(leaves, func(a, b *cli.Command) int { return strings.Compare(a.HelpName, b.HelpName) })
	for _, c := range leaves {
		fmt.Fprintf(&r, ".TP\n\\fB%s\\fR(1)\n%s\n", escaped(pageOf(c)), escaped(c.Usage))
	}
	r.section("OPTIONS")
	r.flags(app.Flags)
	return r.String()
}
