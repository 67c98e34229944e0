package lockctl

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockd/test/real"
)

// pageTime bounds all blocks of one page together.
const pageTime = 90 * time.Second

// A block is a fenced block of a page.
type block struct {
	line           int
	language, text string
}

// blocks are the fenced blocks of a text in Markdown.
func blocks(text string) []block {
	var found []block
	inside := false
	for i, line := range strings.SplitAfter(text, "\n") {
		switch fence := strings.HasPrefix(line, "```"); {
		case fence && !inside:
			found = append(found, block{line: i + 1, language: strings.TrimSpace(strings.TrimPrefix(line, "```"))})
			inside = true
		case fence:
			inside = false
		case inside:
			found[len(found)-1].text += line
		}
	}
	return found
}

// step is a block of commands with what the page says that it answers.
type step struct {
	block
	answer *block
}

// steps are the blocks of commands of a page; every block must be one, or be the
// answer of the one before.
func steps(t *testing.T, text string) []step {
	t.Helper()
	var all []step
	for _, b := range blocks(text) {
		switch b.language {
		case "sh":
			all = append(all, step{block: b})
		case "crontab":
			b.text = regexp.MustCompile(`(?m)^(\S+ +){5}`).ReplaceAllString(b.text, "")
			all = append(all, step{block: b})
		case "text":
			if len(all) == 0 || all[len(all)-1].answer != nil {
				t.Fatalf("line %d: an answer to nothing", b.line)
			}
			all[len(all)-1].answer = &b
		default:
			t.Fatalf("line %d: nobody runs a block of %q", b.line, b.language)
		}
	}
	return all
}

// answers says whether got is what the page says: … stands for anything in a line,
// or, alone in its line, for any lines; the width of gaps does not matter.
func (b *block) answers(got string) bool {
	pattern := regexp.QuoteMeta(strings.TrimSpace(b.text))
	pattern = strings.ReplaceAll(pattern, "\n…", "\n(?s:.*)")
	pattern = strings.ReplaceAll(pattern, "…", ".*")
	pattern = regexp.MustCompile(` +`).ReplaceAllString(pattern, `[ \t]+`)
	return regexp.MustCompile("^" + strings.ReplaceAll(pattern, `.*[ \t]+`, ".*") + "$").MatchString(strings.TrimSpace(got))
}

// mark is what follows the output of each step.
const mark = "~~~ end of step ~~~"

func TestWhatTheDocumentationShowsIsSo(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(real.Root(), "docs", "lockctl", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	cluster := real.Start(t, binaries, 3)
	for _, page := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) { runPage(t, cluster, page) })
	}
}

// diskWarning is what lockctl adds on a machine whose disk is nearly full.
var diskWarning = regexp.MustCompile(`(?m)^lockctl: \w+: the disk of .*\n`)

// runPage runs all commands of a page in one shell, as its reader would.
func runPage(t *testing.T, cluster *real.Cluster, page string) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	all := steps(t, string(text))
	if len(all) == 0 {
		return
	}
	var script strings.Builder
	for _, s := range all {
		if _, err := exec.LookPath("jq"); err != nil && strings.Contains(s.text, "jq ") {
			t.Skip("jq is not installed")
		}
		fmt.Fprintf(&script, "%s\necho '%s'\n", s.text, mark)
	}
	cmd := exec.CommandContext(t.Context(), "bash")
	cmd.Stdin = strings.NewReader(script.String())
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "LOCKD_ADDR="+cluster.URLs(), "LOCKD_RUN_ID=", "HOME="+cmd.Dir,
		"PATH="+string(binaries)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	out := diskWarning.ReplaceAllString(runAlone(t, cmd), "")
	told := strings.Split(out, mark+"\n")
	if len(told) != len(all)+1 {
		t.Fatalf("%d of %d steps were run:\n%s", len(told)-1, len(all), out)
	}
	for i, s := range all {
		switch {
		case s.answer != nil && !s.answer.answers(told[i]):
			t.Errorf("line %d answers\n%s\nand the page says\n%s", s.line, told[i], s.answer.text)
		case s.answer == nil && strings.TrimSpace(told[i]) != "":
			t.Errorf("line %d answers, and the page says nothing:\n%s", s.line, told[i])
		}
	}
}

func TestAnswersAreCompared(t *testing.T) {
	for _, c := range []struct {
		page, got string
		want      bool
	}{
		{"a  b\n", "a b\n", true},
		{"a b\n", "a c\n", false},
		{"a …\n", "a x y\n", true},
		{"a …\n", "a\n", false},
		{"a …\n", "a\nb\n", false},
		{"a\n…\nb\n", "a\nx\ny\nb\n", true},
		{"a\n…\nb\n", "a\nx\n", false},
		{"token …, ok\n", "token 12, ok\n", true},
		{"[a] (b)\n", "[a] (b)\n", true},
		{"", "a\n", false},
	} {
		if got := (&block{text: c.page}).answers(c.got); got != c.want {
			t.Errorf("%q for %q: %v", c.got, c.page, got)
		}
	}
}

// runAlone runs cmd with all that it starts in a process group of its own, which
// ends with it, and returns what they said.
func runAlone(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(pageTime, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer timer.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the page's shell: %v", err)
	}
	return out.String()
}
