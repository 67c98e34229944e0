package e2e

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"lockd/api"
	"lockd/test/real"
)

// lockd runs a node that must end by itself, with that exit code, and returns what
// it said.
func lockd(t *testing.T, want int, env []string, args ...string) string {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(binaries.Lockd(), args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = t.TempDir(), env, &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if got := exit(cmd); got != want {
		t.Fatalf("lockd %v: exit %d, want %d\n%s", args, got, want, &said)
	}
	return said.String()
}

func TestANodeRefusesAFolderThatIsNotItsOwn(t *testing.T) {
	c := real.Start(t, binaries, 1)
	dir := c.Nodes[0].Dir
	c.Nodes[0].Stop()
	port := real.Ports(t, 2)
	listen := []string{fmt.Sprintf("--listen=127.0.0.1:%d", port), fmt.Sprintf("--peer-listen=127.0.0.1:%d", port+1), "--data-dir=" + dir}
	if said := lockd(t, 1, nil, append(listen, "--name=other")...); !strings.Contains(said, "n1") {
		t.Errorf("another node's folder: %s", said)
	}
	others := fmt.Sprintf("--initial-cluster=n1=127.0.0.1:%d,n2=127.0.0.1:%d", port+1, port)
	if said := lockd(t, 1, nil, append(listen, others)...); !strings.Contains(said, "founded with the members") {
		t.Errorf("another cluster's folder: %s", said)
	}
	c.Nodes[0].Start()
	held := newCaller(t, c).acquireKey("k", "r")
	if held.Token == 0 {
		t.Errorf("%+v", held)
	}
}

func TestANodeSaysWhatToDoAboutATakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free := fmt.Sprintf("127.0.0.1:%d", real.Ports(t, 1))
	for _, flags := range [][2]string{{"--listen", "--peer-listen"}, {"--peer-listen", "--listen"}} {
		said := lockd(t, 1, nil, flags[0]+"="+taken.Addr().String(), flags[1]+"="+free)
		if !strings.Contains(said, "give another "+flags[0]) {
			t.Errorf("%s", said)
		}
	}
}

func TestAnOpenPortNeedsTLSOrInsecure(t *testing.T) {
	if said := lockd(t, 64, nil, "--listen=0.0.0.0:7410", "--advertise=http://h:7410"); !strings.Contains(said, "--tls-cert") || !strings.Contains(said, "--insecure") {
		t.Errorf("%s", said)
	}
	if said := lockd(t, 64, []string{"LOCKD_PEER_LISTEN=0.0.0.0:7411", "LOCKD_PEER_ADVERTISE=h:7411"}); !strings.Contains(said, "--peer-ca") {
		t.Errorf("%s", said)
	}
}

func TestAClusterSpeaksTLSOnBothPorts(t *testing.T) {
	files := newCertificates(t)
	c := real.New(t, binaries, 3, "--tls-cert="+files.cert, "--tls-key="+files.key,
		"--peer-cert="+files.cert, "--peer-key="+files.key, "--peer-ca="+files.authority)
	c.HTTP.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool(t, files.authority)}}
	for _, n := range c.Nodes {
		n.URL = "https://" + strings.TrimPrefix(n.URL, "http://")
	}
	c.StartAll()
	k := newCaller(t, c)
	k.acquireKey("k", "holder")
	k.refused(api.CodeOccupied, "/v1/keys/acquire", api.KeyAcquire{Key: "k", RunID: "other"})
	newTool(t, c).run(0, "key", "get", "k", "--cacert", files.authority)
	newTool(t, c).run(0, "run", "r", "--cacert", files.authority, "--", "true")

	// Who has no certificate of the authority is not let in on the peer port.
	stranger := newCertificates(t)
	pair, err := tls.LoadX509KeyPair(stranger.cert, stranger.key)
	if err != nil {
		t.Fatal(err)
	}
	for _, mine := range [][]tls.Certificate{nil, {pair}} {
		connection, err := tls.Dial("tcp", c.Nodes[0].PeerAddr, &tls.Config{RootCAs: pool(t, files.authority), Certificates: mine})
		if err != nil {
			continue
		}
		_ = connection.SetDeadline(time.Now().Add(callTime))
		if _, err := connection.Read(make([]byte, 1)); err == nil {
			t.Error("the peer port talks to a stranger")
		}
		_ = connection.Close()
	}
}

func TestANodeIsSetUpByAFile(t *testing.T) {
	dir, port := t.TempDir(), real.Ports(t, 2)
	file := filepath.Join(dir, "lockd.yaml")
	text := fmt.Sprintf("name: solo\ndata-dir: %s/data\nlisten: 127.0.0.1:%d\npeer-listen: 127.0.0.1:%d\nlog-format: json\n", dir, port, port+1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := lockd(t, 64, nil, "--config", file, "--log-level", "loud"); !strings.Contains(said, "--log-level") {
		t.Errorf("%s", said)
	}
	if err := os.WriteFile(file, []byte(text+"shard: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := lockd(t, 64, []string{"LOCKD_CONFIG=" + file}); !strings.Contains(said, `unknown key "shard"`) {
		t.Errorf("%s", said)
	}
}

func TestANodeLetsTheKernelWakeItLate(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a slack of timers")
	}
	c := real.Start(t, binaries, 1)
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", c.Nodes[0].PID()))
	if err != nil || len(threads) < 3 {
		t.Fatal(threads, err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile("/proc/" + filepath.Base(thread) + "/timerslack_ns")
		if err != nil {
			t.Skip("only root reads the slack of another process: run the tests as root: ", err)
		}
		if got := strings.TrimSpace(string(text)); got != "1000000" {
			t.Errorf("thread %s has a slack of %s ns", thread, got)
		}
	}
}

func TestAClusterOnWriteAheadLogsLosesNothingWhenAllAreKilled(t *testing.T) {
	c := real.Start(t, binaries, 3, "--log-store=wal")
	caller := newCaller(t, c)
	held := make(map[string]uint64)
	for i := range 50 {
		key := fmt.Sprintf("wal-%d", i)
		held[key] = uint64(caller.acquireKey(key, "r").Token)
	}
	for _, n := range c.Nodes {
		n.Kill()
	}
	c.StartAll()
	c.AwaitReady(c.Nodes...)
	for key, token := range held {
		again := caller.acquireKey(key, "r")
		if uint64(again.Token) != token || !again.Reentrant {
			t.Errorf("%s: %+v, had token %d", key, again, token)
		}
	}
}
