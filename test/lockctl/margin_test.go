package lockctl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockd/test/real"
)

const (
	// marginVariable is how many losses to force: 100 takes two minutes.
	marginVariable = "LOCKD_MARGIN"
	fewLosses      = 12
	// atOnce is how many lockctl lose their locks at the same time.
	atOnce    = 4
	marginTTL = 3 * time.Second
)

// A lossForcer takes the lease away from one lockctl, while the cluster goes on.
type lossForcer struct {
	name  string
	force func(lockctl *exec.Cmd, way *road)
	// deaf says that CMD ignores TERM.
	deaf bool
}

// killed is the loss after which nobody is left to tell of it.
const killed = "killed"

var lossForcers = []lossForcer{
	{name: "cut off", force: func(_ *exec.Cmd, way *road) { way.cut() }},
	{name: "cut off, TERM ignored", force: func(_ *exec.Cmd, way *road) { way.cut() }, deaf: true},
	{name: "stopped", force: func(lockctl *exec.Cmd, _ *road) { _ = lockctl.Process.Signal(syscall.SIGSTOP) }},
	{name: killed, force: func(lockctl *exec.Cmd, _ *road) { _ = lockctl.Process.Kill() }},
}

// A loss as seen from outside: when the last of what CMD started was gone, and
// when the next holder had the lock.
type loss struct {
	how        string
	gone, next time.Time
	// told is the margin in milliseconds as lockctl tells it, if it does.
	told    float64
	hasTold bool
}

func TestWhatALostLockProtectedHasEndedBeforeTheNextGrant(t *testing.T) {
	losses := fewLosses
	if text := os.Getenv(marginVariable); text != "" {
		var err error
		if losses, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	c := real.Start(t, binaries, 3)
	results := make([]loss, losses)
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range results {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			var err error
			if results[i], err = lose(t.TempDir(), c, lossForcers[i%len(lossForcers)], fmt.Sprint("margin/", i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if !t.Failed() {
		judge(t, results)
	}
}

// judge wants every margin positive and reports them.
func judge(t *testing.T, results []loss) {
	t.Helper()
	for _, by := range lossForcers {
		var seen, told []float64
		for _, r := range results {
			if r.how != by.name {
				continue
			}
			seen = append(seen, float64(r.next.Sub(r.gone).Microseconds())/1000)
			if r.hasTold {
				told = append(told, r.told)
			}
		}
		slices.Sort(seen)
		slices.Sort(told)
		t.Logf("%-22s %3d losses: next grant after the end: min %.0f ms, median %.0f ms%s", by.name, len(seen), seen[0], seen[len(seen)/2], toldText(told))
		if seen[0] <= 0 || len(told) > 0 && told[0] <= 0 {
			t.Errorf("%s: another could have held the lock before the end of what it protects", by.name)
		}
	}
}

func toldText(told []float64) string {
	if len(told) == 0 {
		return ""
	}
	return fmt.Sprintf("; earliest possible grant after the end, as lockctl says: min %.0f ms, median %.0f ms", told[0], told[len(told)/2])
}

// lose has one lockctl lose its lock while another waits for it.
func lose(dir string, c *real.Cluster, by lossForcer, name string) (loss, error) {
	way, err := newRoad(strings.TrimPrefix(c.Nodes[0].URL, "http://"))
	if err != nil {
		return loss{}, err
	}
	defer way.close()
	status := filepath.Join(dir, "status")
	first, held, err := holdAt(dir, way.url(), name, status, by.deaf)
	if err != nil {
		return loss{}, err
	}
	defer held.Close()
	second := lockctl(c.URLs(), "-w", "1m", name, "--", "date", "+%s.%N")
	granted := make(chan error, 1)
	var out bytes.Buffer
	second.Stdout = &out
	go func() { granted <- second.Run() }()
	by.force(first, way)
	_, err = io.Copy(io.Discard, held)
	result := loss{how: by.name, gone: time.Now()}
	err = errors.Join(err, <-granted)
	_ = first.Process.Signal(syscall.SIGCONT) // it may have ended
	_ = first.Wait()                          // how is in ProcessState
	if err != nil {
		return loss{}, fmt.Errorf("%s, %s: what CMD started goes on: %w", name, by.name, err)
	}
	if result.next, err = parseUnix(strings.TrimSpace(out.String())); err != nil || by.name == killed {
		return result, err
	}
	if code := exitCode(first.ProcessState); code != 79 {
		return loss{}, fmt.Errorf("%s, %s: exit code %d", name, by.name, code)
	}
	result.hasTold = true
	result.told, err = toldMargin(status)
	return result, err
}

func lockctl(urls string, args ...string) *exec.Cmd {
	cmd := exec.Command(binaries.Lockctl(), append([]string{"run"}, args...)...)
	cmd.Env = append(os.Environ(), "LOCKD_ADDR="+urls)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// holdAt starts a lockctl whose CMD, and what that started, alone have the other end
// of held. Deaf ones ignore TERM.
func holdAt(dir, urls, name, status string, deaf bool) (first *exec.Cmd, held *os.File, err error) {
	fifo := filepath.Join(dir, "held")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		return nil, nil, err
	}
	trap := "exit"
	if deaf {
		trap = ""
	}
	script := fmt.Sprintf(`trap '%s' TERM; exec >%s; sleep 600 & echo begun; while :; do sleep 600 & wait; done`, trap, fifo)
	first = lockctl(urls, "--ttl", marginTTL.String(), "--status-file", status, name, "--", "sh", "-c", script)
	if err := first.Start(); err != nil {
		return nil, nil, err
	}
	if held, err = os.Open(fifo); err != nil {
		return nil, nil, err
	}
	err = errors.Join(held.SetReadDeadline(time.Now().Add(2*waitTime)), awaitTold(status))
	if err == nil {
		_, err = io.ReadFull(held, make([]byte, len("begun\n")))
	}
	return first, held, err
}

// awaitTold waits until the status file has CMD's pid: the deadman knows it by then.
func awaitTold(status string) error {
	ticker := time.NewTicker(waitPause)
	defer ticker.Stop()
	for deadline := time.Now().Add(waitTime); time.Now().Before(deadline); <-ticker.C {
		text, err := os.ReadFile(status)
		if err != nil {
			return err
		}
		if bytes.Contains(text, []byte(`"pid"`)) {
			return nil
		}
	}
	return fmt.Errorf("no pid in %s", status)
}

// parseUnix reads what date +%s.%N says.
func parseUnix(text string) (time.Time, error) {
	seconds, nanos, _ := strings.Cut(text, ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	n, err := strconv.ParseInt(nanos, 10, 64)
	return time.Unix(s, n), err
}

// toldMargin reads the margin that lockctl has told.
func toldMargin(file string) (float64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	var told struct {
		State    string   `json:"state"`
		MarginMS *float64 `json:"margin_ms"`
	}
	if err := json.Unmarshal(text, &told); err != nil {
		return 0, err
	}
	if told.State != "lost" || told.MarginMS == nil {
		return 0, fmt.Errorf("no loss in %s", text)
	}
	return *told.MarginMS, nil
}

// A road passes on connections to a node until it is cut: then nothing arrives any
// more, and nobody is told.
type road struct {
	to       string
	listener net.Listener
	all      sync.WaitGroup

	mu    sync.Mutex
	ended bool
	open  []net.Conn
	gate  chan struct{}
}

func newRoad(to string) (*road, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &road{to: to, listener: listener, gate: make(chan struct{})}
	r.all.Go(r.accept)
	return r, nil
}

func (r *road) url() string { return "http://" + r.listener.Addr().String() }

func (r *road) accept() {
	for {
		from, err := r.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", r.to)
		if err != nil {
			_ = from.Close()
			continue
		}
		r.mu.Lock()
		r.open = append(r.open, from, to)
		if r.ended {
			_, _ = from.Close(), to.Close()
		}
		r.mu.Unlock()
		r.all.Go(func() { r.carry(from, to) })
		r.all.Go(func() { r.carry(to, from) })
	}
}

// carry holds back what comes after the cut for ever.
func (r *road) carry(from, to net.Conn) {
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		select {
		case <-r.gate:
			_, _ = io.Copy(io.Discard, from) // until it is closed
			return
		default:
		}
		if _, werr := to.Write(piece[:n]); err != nil || werr != nil {
			_, _ = from.Close(), to.Close()
			return
		}
	}
}

func (r *road) cut() { close(r.gate) }

func (r *road) close() {
	_ = r.listener.Close()
	r.mu.Lock()
	r.ended = true
	for _, conn := range r.open {
		_ = conn.Close()
	}
	r.mu.Unlock()
	r.all.Wait()
}
