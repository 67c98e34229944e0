package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lockd/api"
	"lockd/test/real"
)

const (
	clients = 64
	keys    = 500
	// ordinary is how many acquires and releases an ordinary run makes;
	// LOCKD_LOAD_OPERATIONS asks for another number.
	ordinary = 10_000
	// settles is how often the goroutines must be counted the same.
	settles = 5
	// attempts bounds how often one command is sent; a node looks for a leader
	// for some seconds before it says that there is none.
	attempts = 20
	// patience bounds how long the nodes may take to settle.
	patience = 60 * time.Second
)

func TestRandomKeysUnderLoadLeaveNothingBehind(t *testing.T) {
	binaries, err := real.Build(t.TempDir(), true)
	if err != nil {
		t.Fatal(err)
	}
	c := real.Start(t, binaries, 3, "--timing-multiplier", "3")
	// The first part warms everything up that is kept for later use.
	drive(t, c, operations(t)/5)
	before := settled(t, c)
	drive(t, c, operations(t))
	c.HTTP.CloseIdleConnections()
	c.Await(patience, "the goroutines are as before", func() bool {
		for i, m := range measured(t, c) {
			if m.goroutines > before[i].goroutines+5 {
				return false
			}
		}
		return true
	})
	for i, m := range settled(t, c) {
		t.Logf("%s: %v goroutines, %v MiB before; %v, %v MiB after", c.Nodes[i].Name,
			before[i].goroutines, before[i].resident>>20, m.goroutines, m.resident>>20)
		// The log cache, raft's and bolt's pages fill up to their bounds.
		if grown := m.resident - before[i].resident; grown > before[i].resident/2+(64<<20) {
			t.Errorf("%s grew by %d MiB", c.Nodes[i].Name, grown>>20)
		}
	}
	emptyTables(t, c)
	for _, n := range c.Nodes {
		if n.Said("DATA RACE") {
			t.Errorf("%s has a data race", n.Name)
		}
		if code := n.Stop(); code != 0 {
			t.Errorf("%s ended with %d", n.Name, code)
		}
	}
}

func operations(t *testing.T) int {
	text := os.Getenv("LOCKD_LOAD_OPERATIONS")
	if text == "" {
		return ordinary
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < clients {
		t.Fatalf("LOCKD_LOAD_OPERATIONS=%q: want a number of at least %d", text, clients)
	}
	return n
}

// drive has all clients take and give back random keys, each on every node in
// turn, until the operations are used up.
func drive(t *testing.T, c *real.Cluster, operations int) {
	t.Helper()
	began := time.Now()
	var all sync.WaitGroup
	tallies := make([]tally, clients)
	for i := range clients {
		all.Go(func() { tallies[i] = client(c, i, operations/clients) })
	}
	all.Wait()
	var sum tally
	for _, x := range tallies {
		sum.acquired += x.acquired
		sum.released += x.released
		sum.occupied += x.occupied
		if x.err != nil {
			t.Fatal(x.err)
		}
	}
	t.Logf("%+v in %v", sum, time.Since(began).Round(time.Second))
	if sum.acquired != sum.released || sum.acquired == 0 {
		t.Fatalf("%d acquired, %d released", sum.acquired, sum.released)
	}
}

// tally is what one client's operations came to.
type tally struct {
	acquired, released, occupied int
	err                          error
}

func client(c *real.Cluster, id, operations int) (sum tally) {
	random := rand.New(rand.NewPCG(1, uint64(id)))
	run := fmt.Sprintf("run-%d", id)
	last := uint64(0)
	for done := 0; done < operations; {
		key := fmt.Sprintf("key-%d", random.IntN(keys))
		var got api.KeyAcquired
		status, _, err := post(c, random, "/v1/keys/acquire", api.KeyAcquire{Key: key, RunID: run}, &got)
		done++
		switch {
		case err != nil:
			sum.err = err
			return sum
		case status == http.StatusConflict:
			sum.occupied++
			continue
		case status != http.StatusOK || got.Token <= last:
			sum.err = fmt.Errorf("acquire %s: %d, token %d after %d", key, status, got.Token, last)
			return sum
		}
		last = got.Token
		sum.acquired++
		status, again, err := post(c, random, "/v1/keys/release", api.KeyRelease{Key: key, RunID: run, Token: got.Token}, nil)
		done++
		before := again && status == http.StatusConflict
		if err != nil || status != http.StatusOK && !before {
			sum.err = fmt.Errorf("release %s: %d, %w", key, status, err)
			return sum
		}
		sum.released++
	}
	return sum
}

// post sends one command to a random node, and again while the nodes have no
// leader: an acquire of the same run and a release with its token may be
// repeated. It says whether it had to.
func post(c *real.Cluster, random *rand.Rand, path string, body, answer any) (status int, again bool, err error) {
	sent, err := json.Marshal(body)
	if err != nil {
		return 0, false, err
	}
	for range attempts {
		var text []byte
		status, text, err = once(c, c.Nodes[random.IntN(len(c.Nodes))].URL+path, sent)
		if err != nil || status != http.StatusServiceUnavailable {
			if err == nil && answer != nil && status == http.StatusOK {
				err = json.Unmarshal(text, answer)
			}
			return status, again, err
		}
		again = true
	}
	return status, again, nil
}

func once(c *real.Cluster, url string, sent []byte) (status int, answer []byte, err error) {
	r, err := c.HTTP.Post(url, api.ContentJSON, bytes.NewReader(sent))
	if err != nil {
		return 0, nil, err
	}
	defer r.Body.Close()
	answer, err = io.ReadAll(r.Body)
	return r.StatusCode, answer, err
}

// metrics are what one node says about itself.
type metrics struct{ goroutines, resident int64 }

// settled waits until what the clients left open has ended: until the number
// of goroutines was the same settles times in a row.
func settled(t *testing.T, c *real.Cluster) []metrics {
	t.Helper()
	c.HTTP.CloseIdleConnections()
	var last []metrics
	same := 0
	c.Await(patience, "the goroutines do not change any more", func() bool {
		all := measured(t, c)
		same++
		for i := range last {
			if diff := last[i].goroutines - all[i].goroutines; diff < -2 || diff > 2 {
				same = 0
			}
		}
		last = all
		return same > settles
	})
	return last
}

func measured(t *testing.T, c *real.Cluster) (all []metrics) {
	t.Helper()
	for _, n := range c.Nodes {
		r, err := c.HTTP.Get(n.URL + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, metrics{
			goroutines: metric(t, string(text), "go_goroutines"),
			resident:   metric(t, string(text), "process_resident_memory_bytes"),
		})
	}
	return all
}

func metric(t *testing.T, text, name string) int64 {
	t.Helper()
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return int64(f)
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// emptyTables waits until all nodes have the same table, and checks that nothing
// is held in it.
func emptyTables(t *testing.T, c *real.Cluster) {
	t.Helper()
	c.AwaitEqualTables(patience, c.Nodes...)
	var list api.KeyList
	if err := get(c, c.Nodes[0].URL+"/v1/keys", &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Keys) > 0 {
		t.Errorf("%d keys are still in use", len(list.Keys))
	}
}

func get(c *real.Cluster, url string, answer any) error {
	r, err := c.HTTP.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	return json.NewDecoder(r.Body).Decode(answer)
}
