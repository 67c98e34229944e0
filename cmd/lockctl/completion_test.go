package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestTheCompletionScriptsAreInTheirShellsLanguage(t *testing.T) {
	for shell, script := range shells {
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not installed", shell)
			continue
		}
		cmd := exec.Command(path, "-n")
		if shell == "fish" {
			cmd = exec.Command(path, "-n", "/dev/stdin")
		}
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
	}
}

// complete returns the words offered without any cluster.
func complete(t *testing.T, line string) []string {
	t.Helper()
	var out strings.Builder
	tool := &tool{stdout: &out, stderr: &out}
	words := strings.Split(line, " ")
	code := tool.run(t.Context(), append([]string{"lockctl", "__complete", "--"}, words...))
	if code != 0 {
		t.Fatalf("%s: exit %d: %s", line, code, &out)
	}
	var all []string
	for l := range strings.Lines(out.String()) {
		word, _, _ := strings.Cut(strings.TrimSuffix(l, "\n"), "\t")
		all = append(all, word)
	}
	return all
}

func TestCommandsFlagsAndValuesAreCompleted(t *testing.T) {
	t.Setenv("LOCKD_ADDR", "http://127.0.0.1:1")
	for line, want := range map[string]string{
		"st":                            "status",
		"key ":                          "acquire get list release",
		"key rel":                       "release",
		"leader t":                      "transfer",
		"list --ho":                     "--holders",
		"-o ":                           "json plain table",
		"status --output p":             "plain",
		"status --output=j":             "--output=json",
		"watch --kind session_c":        "session_closed",
		"completion ":                   "bash fish zsh",
		"status --cacert /et":           ":files",
		"--timeout 1s -o json status -": "",
		"nonsense ":                     "",
		"why prod":                      "", // and no word about the cluster
		"key get -- --":                 "",
	} {
		got := strings.Join(complete(t, line), " ")
		if line == "--timeout 1s -o json status -" {
			if !strings.Contains(got, "--token-file") || strings.Contains(got, "--holders") {
				t.Errorf("%q: %s", line, got)
			}
		} else if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestHiddenCommandsAreNotOffered(t *testing.T) {
	got := complete(t, "")
	if slices.ContainsFunc(got, func(w string) bool { return strings.HasPrefix(w, "_") }) || !slices.Contains(got, "run") {
		t.Errorf("%q", got)
	}
}

// A command of which the tables of completion know nothing would complete nothing.
func TestWhatTakesNamesCompletesThem(t *testing.T) {
	for _, c := range leaves(new(tool).app().Commands) {
		takes := c.ArgsUsage != "" && c.ArgsUsage != "FOLDER"
		if _, known := argumentNames[c.HelpName]; takes && !known {
			t.Errorf("%s %s: its arguments are not completed", c.HelpName, c.ArgsUsage)
		}
	}
}
