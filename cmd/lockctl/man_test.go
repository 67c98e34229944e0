package main

import (
	"os/exec"
	"strings"
	"testing"
)

func TestThereIsAManualPageForEachCommand(t *testing.T) {
	app := new(tool).app()
	pages := manPages(app)
	for _, c := range leaves(app.Commands) {
		page := pages[pageOf(c)+".1"]
		for _, want := range []string{".SH NAME\n", ".SH SYNOPSIS\n", ".SH EXAMPLES\n", `\fB\-\-output\fR, \fB\-o\fR`} {
			if !strings.Contains(page, want) {
				t.Errorf("the page of %s has no %q", c.HelpName, want)
			}
		}
		if !strings.Contains(pages["lockctl.1"], escaped(pageOf(c))) {
			t.Errorf("lockctl(1) does not name %s", c.HelpName)
		}
	}
}

func TestManualPagesAreGoodRoff(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("mandoc is missing: install it (Debian: apt-get install mandoc)")
	}
	for name, page := range manPages(new(tool).app()) {
		cmd := exec.Command(mandoc, "-Tlint", "-Wwarning")
		cmd.Stdin = strings.NewReader(page)
		out, _ := cmd.CombinedOutput() // what it finds is on stdout, too
		for line := range strings.Lines(string(out)) {
			// A date would make every build another.
			if !strings.Contains(line, "missing date") {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}

func TestTextIsNotTakenForRoff(t *testing.T) {
	if got := escaped("a-b \\n\n.SH 'x'"); got != "a\\-b \\en\n\\&.SH \\(aqx\\(aq" {
		t.Errorf("%q", got)
	}
}
