package fault

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockd/client"
	"lockd/test/real"
)

const (
	writers    = 3
	writerTTL  = time.Second
	writerWork = 40 * time.Millisecond
	// stallTime bounds each step of a writer that must come.
	stallTime = 30 * time.Second
	// writerVariable is the number of a writer's process.
	writerVariable = "LOCKD_FAULT_WRITER"
)

// An access is one call of a writer to the register.
type access struct {
	writer   string
	token    uint64
	write    bool
	accepted bool
}

// A register is a set that writers read, change and write back whole, under a
// lock. A fenced one refuses every token lower than one it has seen.
type register struct {
	fenced bool

	mu       sync.Mutex
	set      []string
	highest  uint64
	accepted []string
	accesses []access
	refused  int
}

// ServeHTTP is GET, which returns the set, and PUT, which replaces it.
func (r *register) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	token, err := strconv.ParseUint(q.Header.Get("Token"), 10, 64)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a := access{writer: q.Header.Get("Writer"), token: token, write: q.Method == http.MethodPut, accepted: true}
	defer func() { r.accesses = append(r.accesses, a) }()
	if r.fenced && token < r.highest {
		a.accepted = false
		r.refused++
		http.Error(w, "a later holder was here", http.StatusConflict)
		return
	}
	r.highest = max(r.highest, token)
	if !a.write {
		_ = json.NewEncoder(w).Encode(r.set) // a writer that is gone needs no answer
		return
	}
	var set []string
	if err := json.NewDecoder(q.Body).Decode(&set); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.set = set
	r.accepted = append(r.accepted, q.Header.Get("Element"))
}

// find returns the place after the first access from place on that is wanted; 0
// if there is none yet.
func (r *register) find(from int, wanted func(access) bool) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := from; i < len(r.accesses); i++ {
		if wanted(r.accesses[i]) {
			return i + 1
		}
	}
	return 0
}

// lost are the elements whose adding was accepted and which are not there.
func (r *register) lost() (lost []string, added, refused int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.accepted {
		if !slices.Contains(r.set, e) {
			lost = append(lost, e)
		}
	}
	return lost, len(r.accepted), r.refused
}

// Without tokens a paused writer destroys what others wrote: a lock service cannot
// stop it. If this test cannot show that, its sibling below shows nothing either.
func TestWithoutTokensAPausedWriterLosesUpdates(t *testing.T) {
	lost, added, _ := pausedWriters(t, false)
	t.Logf("%d of %d updates were lost", len(lost), added)
	if len(lost) == 0 {
		t.Error("no update was lost: the test is blind")
	}
}

func TestWithTokensAPausedWriterLosesNothing(t *testing.T) {
	lost, added, refused := pausedWriters(t, true)
	t.Logf("%d updates, %d accesses refused", added, refused)
	if len(lost) > 0 {
		t.Errorf("%d of %d updates were lost: %v", len(lost), added, lost)
	}
	if refused == 0 {
		t.Error("no token was refused: nobody came too late, and nothing was tested")
	}
}

// pausedWriters stops writers between their reading and their writing, each until
// another has taken over, and returns what became of the updates.
func pausedWriters(t *testing.T, fenced bool) (lost []string, added, refused int) {
	cluster := real.Start(t, binaries, 3)
	r := &register{fenced: fenced}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	var processes []*process
	for i := range writers {
		processes = append(processes, startProcess(t, "writer", strings.Split(cluster.URLs(), ","), server.URL,
			fmt.Sprintf("%s=%d", writerVariable, i)))
	}
	pauses := 2
	if whole() {
		pauses = 12
	}
	place := 0
	step := func(what string, wanted func(access) bool) {
		t.Helper()
		real.Await(t, stallTime, what, func() bool {
			next := r.find(place, wanted)
			place = max(place, next)
			return next > 0
		})
	}
	for n := range pauses {
		victim := strconv.Itoa(n % writers)
		step("writer "+victim+" reads", func(a access) bool { return a.writer == victim && !a.write && a.accepted })
		processes[n%writers].signal(syscall.SIGSTOP)
		step("another writes", func(a access) bool { return a.writer != victim && a.write && a.accepted })
		processes[n%writers].signal(syscall.SIGCONT)
		step("writer "+victim+" goes on", func(a access) bool { return a.writer == victim && a.write })
	}
	for _, p := range processes {
		p.finish()
	}
	return r.lost()
}

// writerProcess is the whole of a writer: it trusts its lock blindly.
func writerProcess() int {
	ctx, stop := notified()
	defer stop()
	c, err := client.New(client.Config{
		Addrs: strings.Split(os.Getenv(nodesVariable), ","), TTL: writerTTL, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for n := 1; ctx.Err() == nil; n++ {
		guard, err := c.Lock(ctx, "fault/register")
		if err != nil {
			continue // the cluster cannot be reached, or all is over
		}
		if err := update(guard.Token(), n); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		_ = guard.Release(context.Background()) // it may have been lost meanwhile
	}
	within, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = c.Close(within) // what stays expires
	return 0
}

// update adds one element to the set, in two steps and some time between. A
// refusal is no error: the writer came too late.
func update(token uint64, n int) error {
	var set []string
	if ok, err := touch(http.MethodGet, token, "", nil, &set); !ok {
		return err
	}
	rest(context.Background(), writerWork)
	element := fmt.Sprintf("%s-%d", os.Getenv(writerVariable), n)
	_, err := touch(http.MethodPut, token, element, append(set, element), nil)
	return err
}

// touch makes one access to the register.
func touch(method string, token uint64, element string, body, into any) (accepted bool, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return false, err
	}
	request, err := http.NewRequest(method, os.Getenv(fileVariable), bytes.NewReader(text))
	if err != nil {
		return false, err
	}
	request.Header.Set("Token", strconv.FormatUint(token, 10))
	request.Header.Set("Writer", os.Getenv(writerVariable))
	request.Header.Set("Element", element)
	got, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	defer got.Body.Close()
	switch {
	case got.StatusCode == http.StatusConflict:
		return false, nil
	case got.StatusCode != http.StatusOK:
		return false, fmt.Errorf("%s: %s", method, got.Status)
	case into != nil:
		return true, json.NewDecoder(got.Body).Decode(into)
	}
	return true, nil
}
