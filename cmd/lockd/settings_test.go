package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// settled is what the command would serve with; the error is that of a wrong start.
func settled(t *testing.T, file string, env []string, args ...string) (*settings, error) {
	t.Helper()
	if file != "" {
		path := filepath.Join(t.TempDir(), "lockd.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	o := new(options)
	flags := o.flags()
	var s *settings
	app := &cli.App{
		Name: "lockd", Flags: flags, HideHelpCommand: true, ExitErrHandler: func(*cli.Context, error) {},
		Action: func(c *cli.Context) (err error) {
			if err = complete(c, flags, env); err == nil {
				s, err = o.settle()
			}
			return err
		},
	}
	app.Writer, app.ErrWriter = new(bytes.Buffer), new(bytes.Buffer)
	return s, app.RunContext(context.Background(), append([]string{"lockd"}, args...))
}

func TestWithoutFlagsItIsOneNodeOnLoopback(t *testing.T) {
	s, err := settled(t, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.name != "n1" || s.dataDir != "lockd-data" || s.listen != "127.0.0.1:7410" || s.advertise != "http://127.0.0.1:7410" {
		t.Errorf("%+v", s)
	}
	if len(s.members) != 1 || s.members[0].Name != "n1" || s.members[0].PeerAddr != "127.0.0.1:7411" {
		t.Errorf("members %+v", s.members)
	}
}

func TestAFlagWinsOverAVariableAndAVariableOverTheFile(t *testing.T) {
	const file = "name: from-file\ndata-dir: from-file\nlog-level: debug\ninsecure: true\n"
	s, err := settled(t, file, []string{"LOCKD_NAME=from-env", "LOCKD_DATA_DIR=from-env", "LOCKD_LISTEN="}, "--name", "from-flag")
	if err != nil {
		t.Fatal(err)
	}
	if s.name != "from-flag" || s.dataDir != "from-env" || s.logLevel.String() != "debug" || s.listen != "127.0.0.1:7410" {
		t.Errorf("name %s, data-dir %s, level %v, listen %s", s.name, s.dataDir, s.logLevel, s.listen)
	}
}

func TestTheFileMayListTheMembersOneALine(t *testing.T) {
	s, err := settled(t, "name: n2\ninitial-cluster:\n  - n1=10.0.0.1:7411\n  - n2=10.0.0.2:7411\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.members) != 2 || s.peerAdvertise != "10.0.0.2:7411" {
		t.Errorf("%+v", s)
	}
}

func TestAWrongStartSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name, file string
		env, args  []string
		part       string
	}{
		{"unknown key", "nmae: n1\n", nil, nil, `lockd.yaml:1: unknown key "nmae"`},
		{"key given twice", "name: a\nname: b\n", nil, nil, `"name" is given twice`},
		{"no mapping", "- name\n", nil, nil, "expected keys and values"},
		{"nested value", "name: {a: b}\n", nil, nil, "expected one value"},
		{"bad value in the file", "timing-multiplier: fast\n", nil, nil, `"fast" is no value for timing-multiplier`},
		{"bad value in a variable", "", []string{"LOCKD_SHUTDOWN_TIMEOUT=soon"}, nil, `LOCKD_SHUTDOWN_TIMEOUT: "soon"`},
		{"missing file", "", nil, []string{"--config", "/nonexistent/lockd.yaml"}, "no such file"},
		{"open client port", "", nil, []string{"--listen", "10.0.0.1:7410"}, "--tls-cert and --tls-key"},
		{"open client port on all addresses", "", nil, []string{"--listen", ":7410", "--advertise", "http://a:7410"}, "--insecure"},
		{"open peer port", "", nil, []string{"--peer-listen", "0.0.0.0:7411", "--peer-advertise", "10.0.0.1:7411"}, "--peer-ca"},
		{"a name that may resolve to anything", "", nil, []string{"--listen", "db.internal:7410"}, "not loopback"},
		{"half a TLS pair", "", nil, []string{"--tls-cert", "a.crt"}, "go together"},
		{"half of the peers' TLS", "", nil, []string{"--peer-cert", "a.crt", "--peer-key", "a.key"}, "go together"},
		{"no address to advertise", "", nil, []string{"--insecure", "--listen", "0.0.0.0:7410"}, "--advertise"},
		{"no such certificate", "", nil, []string{"--tls-cert", "/nonexistent/a.crt", "--tls-key", "/nonexistent/a.key"}, "no such file"},
		{"not a member", "", nil, []string{"--initial-cluster", "n2=127.0.0.1:1"}, "does not have this node, n1"},
		{"member twice", "", nil, []string{"--initial-cluster", "n1=127.0.0.1:1,n1=127.0.0.1:2"}, "n1 is there twice"},
		{"address twice", "", nil, []string{"--initial-cluster", "n1=127.0.0.1:1,n2=127.0.0.1:1"}, "two nodes have the address"},
		{"malformed member", "", nil, []string{"--initial-cluster", "n1"}, "NAME=HOST:PORT"},
		{"two peer addresses", "", nil, []string{"--peer-advertise", "127.0.0.1:9", "--initial-cluster", "n1=127.0.0.1:1"}, "make them equal"},
		{"bad log format", "", nil, []string{"--log-format", "xml"}, "text or json"},
		{"bad log level", "", nil, []string{"--log-level", "loud"}, "trace, debug"},
		{"bad multiplier", "", nil, []string{"--timing-multiplier", "0"}, "between"},
	} {
		_, err := settled(t, c.file, c.env, c.args...)
		if err == nil || !strings.Contains(err.Error(), c.part) {
			t.Errorf("%s: %v, want %q", c.name, err, c.part)
		}
	}
}

func TestInsecureIsEnoughForAnOpenPort(t *testing.T) {
	s, err := settled(t, "", nil, "--insecure", "--listen", "10.0.0.1:7410", "--peer-listen", "10.0.0.1:7411")
	if err != nil || s.advertise != "http://10.0.0.1:7410" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestAUsageErrorExitsWith64(t *testing.T) {
	for _, args := range [][]string{{"--made-up"}, {"argument"}, {"--log-format", "xml"}} {
		var stderr bytes.Buffer
		if code := run(context.Background(), append([]string{"lockd"}, args...), nil, new(bytes.Buffer), &stderr); code != exitUsage {
			t.Errorf("%v: exit %d: %s", args, code, &stderr)
		}
	}
}

func TestVersionAndHelpExitWith0(t *testing.T) {
	for flag, want := range map[string]string{"--version": version, "--help": "--initial-cluster"} {
		var stdout bytes.Buffer
		if code := run(context.Background(), []string{"lockd", flag}, nil, &stdout, new(bytes.Buffer)); code != exitOK || !strings.Contains(stdout.String(), want) {
			t.Errorf("%s: exit %d: %s", flag, code, &stdout)
		}
	}
}

func TestHelpNamesNoFlagsDefaultTwice(t *testing.T) {
	var stdout bytes.Buffer
	run(context.Background(), []string{"lockd", "--help"}, nil, &stdout, new(bytes.Buffer))
	if !strings.Contains(stdout.String(), "--snapshot-interval DURATION  look every DURATION whether a snapshot is due (default: 5s)\n") {
		t.Error("the default of --snapshot-interval is not told")
	}
	for line := range strings.Lines(stdout.String()) {
		if strings.Count(line, "(default:") > 1 {
			t.Error(line)
		}
	}
}
