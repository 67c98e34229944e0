package peer

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

var _ raft.WithClose = (*raft.NetworkTransport)(nil)

// answerRPCs answers each RPC that reaches the node until the test ends; the
// function returned says how many there were.
func answerRPCs(t testing.TB, p *Peer, response any) (count func() int) {
	t.Helper()
	var n atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case rpc := <-p.RaftTransport().Consumer():
				n.Add(1)
				rpc.Respond(response, nil)
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
	return func() int { return int(n.Load()) }
}

// appendEntries sends one batch of entries and expects success in the term.
func appendEntries(t testing.TB, from, to *Peer, term uint64) {
	t.Helper()
	var response raft.AppendEntriesResponse
	err := from.RaftTransport().AppendEntries("n2", raft.ServerAddress(to.Addr()), &raft.AppendEntriesRequest{
		Term: term, Entries: []*raft.Log{{Index: 1, Term: term, Data: []byte("entry")}},
	}, &response)
	if err != nil {
		t.Fatal(err)
	}
	if !response.Success || response.Term != term {
		t.Fatalf("got %+v", response)
	}
}

func TestAppendEntriesGoesThere(t *testing.T) {
	from, to := listen(t, nil), listen(t, nil)
	answered := make(chan *raft.AppendEntriesRequest, 1)
	go func() {
		rpc := <-to.RaftTransport().Consumer()
		rpc.Respond(&raft.AppendEntriesResponse{Term: 7, Success: true}, nil)
		answered <- rpc.Command.(*raft.AppendEntriesRequest)
	}()
	appendEntries(t, from, to, 7)
	request := receive(t, answered, "the request")
	if len(request.Entries) != 1 || string(request.Entries[0].Data) != "entry" {
		t.Fatalf("got %+v", request)
	}
}

func TestTransportDoesNotPipeline(t *testing.T) {
	p := listen(t, nil)
	_, err := p.RaftTransport().AppendEntriesPipeline("n2", "127.0.0.1:1")
	if !errors.Is(err, raft.ErrPipelineReplicationNotSupported) {
		t.Fatalf("got %v", err)
	}
}

func TestTransportTellsTheAdvertisedAddress(t *testing.T) {
	p := listen(t, func(c *Config) { c.Addr, c.Advertise = ":0", "n1.example:7411" })
	if got := p.RaftTransport().LocalAddr(); got != "n1.example:7411" {
		t.Fatalf("got %q", got)
	}
}

func TestSnapshotArrivesWhole(t *testing.T) {
	from, to := listen(t, nil), listen(t, nil)
	snapshot := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	arrived := make(chan []byte, 1)
	go func() {
		rpc := <-to.RaftTransport().Consumer()
		b, err := io.ReadAll(rpc.Reader)
		rpc.Respond(&raft.InstallSnapshotResponse{Success: err == nil}, err)
		arrived <- b
	}()
	var response raft.InstallSnapshotResponse
	err := from.RaftTransport().InstallSnapshot("n2", raft.ServerAddress(to.Addr()),
		&raft.InstallSnapshotRequest{Size: int64(len(snapshot))}, &response, bytes.NewReader(snapshot))
	if err != nil || !response.Success {
		t.Fatalf("got %+v, %v", response, err)
	}
	if !bytes.Equal(receive(t, arrived, "the snapshot"), snapshot) {
		t.Fatal("the snapshot differs")
	}
}

// Raft reads a snapshot on the goroutine that does everything else.
func TestSnapshotThatStallsIsGivenUp(t *testing.T) {
	to := listen(t, func(c *Config) { c.RPCTimeout = 100 * time.Millisecond })
	from := listen(t, nil)
	stall, first := make(chan struct{}), make(chan struct{})
	sent := make(chan error, 1)
	go func() {
		source := io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), waitingReader{stall})
		sent <- from.RaftTransport().InstallSnapshot("n2", raft.ServerAddress(to.Addr()),
			&raft.InstallSnapshotRequest{Size: 2 << 20}, &raft.InstallSnapshotResponse{}, source)
	}()
	read := make(chan error, 1)
	go func() {
		rpc := <-to.RaftTransport().Consumer()
		close(first)
		n, err := io.Copy(io.Discard, rpc.Reader)
		if err == nil && n == 2<<20 {
			err = errors.New("the whole snapshot arrived")
		}
		rpc.Respond(&raft.InstallSnapshotResponse{}, err)
		read <- err
	}()
	receive(t, first, "the beginning")
	if err := receive(t, read, "the end of the stall"); !isTimeout(err) {
		t.Fatalf("got %v, want a timeout", err)
	}
	close(stall)
	if err := receive(t, sent, "the sender's error"); err == nil {
		t.Fatal("the sender believes in success")
	}
}

// waitingReader has nothing to read until it is over.
type waitingReader struct{ over chan struct{} }

func (r waitingReader) Read([]byte) (int, error) { <-r.over; return 0, io.EOF }

// A connection that lies idle in the pool when the peer restarts must not cost
// the next vote.
func TestFirstRPCAfterAPeersRestartSucceeds(t *testing.T) {
	ca := newAuthority(t)
	for _, c := range []struct {
		name   string
		change func(*Config)
	}{{"plain", func(*Config) {}}, {"TLS", func(config *Config) { config.TLS = ca.node(t) }}} {
		t.Run(c.name, func(t *testing.T) {
			from, to := listen(t, c.change), listen(t, c.change)
			answerRPCs(t, to, &raft.AppendEntriesResponse{Term: 1, Success: true})
			appendEntries(t, from, to, 1)
			addr := to.Addr()
			if err := to.Close(); err != nil {
				t.Fatal(err)
			}
			again := listen(t, func(config *Config) { c.change(config); config.Addr = addr })
			answerRPCs(t, again, &raft.AppendEntriesResponse{Term: 2, Success: true})
			appendEntries(t, from, again, 2)
		})
	}
}

func TestRPCsReuseOneConnection(t *testing.T) {
	from, to := listen(t, nil), listen(t, nil)
	answerRPCs(t, to, &raft.AppendEntriesResponse{Term: 1, Success: true})
	for range 20 {
		appendEntries(t, from, to, 1)
	}
	if n := to.stream.served.size(); n != 1 {
		t.Fatalf("%d connections were opened for RPCs one after the other", n)
	}
}

func TestCloseDoesNotWaitForRPCs(t *testing.T) {
	from, to := listen(t, nil), listen(t, nil)
	failed := make(chan error, 1)
	go func() {
		failed <- from.RaftTransport().AppendEntries("n2", raft.ServerAddress(to.Addr()),
			&raft.AppendEntriesRequest{}, &raft.AppendEntriesResponse{})
	}()
	receive(t, to.RaftTransport().Consumer(), "the RPC") // and never answered
	began := time.Now()
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > to.config.RPCTimeout/2 {
		t.Fatalf("Close took %v", took)
	}
	if err := receive(t, failed, "the RPC's error"); err == nil {
		t.Fatal("an RPC nobody answered succeeded")
	}
}

func TestLinksOutliveTheRaftTransport(t *testing.T) {
	server, client := serve(t, echo, nil), listen(t, nil)
	for _, p := range []*Peer{server, client} {
		if err := p.RaftTransport().(raft.WithClose).Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(t, client, server.Addr(), "status"); got != "status" {
		t.Fatalf("got %q", got)
	}
}
