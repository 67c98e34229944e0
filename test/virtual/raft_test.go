package virtual

import (
	"bytes"
	"io"
	"time"

	"github.com/hashicorp/raft"
)

// wire is raft's transport for one incarnation of a node.
type wire struct {
	port     *port
	consumer chan raft.RPC
}

func newWire(p *port) *wire { return &wire{port: p, consumer: make(chan raft.RPC)} }

func (t *wire) Consumer() <-chan raft.RPC                                  { return t.consumer }
func (t *wire) LocalAddr() raft.ServerAddress                              { return raft.ServerAddress(t.port.name) }
func (t *wire) SetHeartbeatHandler(func(raft.RPC))                         {}
func (t *wire) DecodePeer(addr []byte) raft.ServerAddress                  { return raft.ServerAddress(addr) }
func (t *wire) EncodePeer(_ raft.ServerID, addr raft.ServerAddress) []byte { return []byte(addr) }

func (t *wire) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

func (t *wire) AppendEntries(_ raft.ServerID, to raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	sent := *args
	return call(t, to, &sent, nil, resp)
}

func (t *wire) RequestVote(_ raft.ServerID, to raft.ServerAddress, args *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	sent := *args
	return call(t, to, &sent, nil, resp)
}

func (t *wire) RequestPreVote(_ raft.ServerID, to raft.ServerAddress, args *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	sent := *args
	return call(t, to, &sent, nil, resp)
}

func (t *wire) TimeoutNow(_ raft.ServerID, to raft.ServerAddress, args *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	sent := *args
	return call(t, to, &sent, nil, resp)
}

func (t *wire) InstallSnapshot(_ raft.ServerID, to raft.ServerAddress, args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, from io.Reader) error {
	content, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	sent := *args
	return call(t, to, &sent, bytes.NewReader(content), resp)
}

// call carries one message there and its answer back. A message that takes longer
// than the sender waits arrives nevertheless.
func call[R any](t *wire, to raft.ServerAddress, command any, reader io.Reader, resp *R) error {
	w := t.port.network
	limit := w.scale * rpcLimit
	over := make(chan struct{})
	timer := time.AfterFunc(limit, func() { close(over) })
	defer timer.Stop()
	answers := make(chan raft.RPCResponse, 1)
	delay, lost := w.fate()
	if delay < limit {
		time.Sleep(delay)
		if !lost && !t.hand(string(to), raft.RPC{Command: command, Reader: reader, RespChan: answers}, over) {
			return errRefused
		}
	} else if !lost {
		time.AfterFunc(delay, func() {
			t.hand(string(to), raft.RPC{Command: command, Reader: reader, RespChan: answers}, t.port.dead)
		})
	}
	var answer raft.RPCResponse
	select {
	case answer = <-answers:
	case <-over:
		return errSilence
	case <-t.port.dead:
		return errSilence
	}
	if delay, lost = w.fate(); lost || w.isCut(string(to), t.port.name) {
		delay = limit
	}
	delay += w.lateness(string(to), t.port.name)
	select {
	case <-over:
		return errSilence
	case <-t.port.dead:
		return errSilence
	case <-time.After(delay):
	}
	if answer.Error != nil {
		return answer.Error
	}
	*resp = *answer.Response.(*R)
	return nil
}

// occupy keeps the main loop of raft busy for a while: it answers a message of a
// term long past, and nobody takes the answer.
func (t *wire) occupy(long time.Duration) {
	answer := make(chan raft.RPCResponse)
	old := &raft.AppendEntriesRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax}}
	over := time.After(long)
	select {
	case t.consumer <- raft.RPC{Command: old, RespChan: answer}:
	case <-t.port.dead:
		return
	}
	select {
	case <-over:
	case <-t.port.dead:
	}
	select {
	case <-answer:
	case <-time.After(burial):
	}
}

// hand gives the message to the other node; false if there is none.
func (t *wire) hand(to string, rpc raft.RPC, over <-chan struct{}) bool {
	if t.port.isDead() || t.port.network.isCut(t.port.name, to) {
		return true
	}
	other := t.port.network.port(to)
	if other == nil {
		return false
	}
	other.expect(rpc.Command)
	select {
	case other.raft.consumer <- rpc:
	case <-over:
	case <-other.dead:
	case <-t.port.dead:
	}
	return true
}

// expect notes a message that the node is about to get.
func (p *port) expect(command any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inbox[p.received%len(p.inbox)] = command
	p.received++
}

// defuse makes what the dead node has not looked at yet worthless. Its store
// refuses every vote after a failed write by hanging forever, and then the bubble
// could never end.
func (p *port) defuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, command := range p.inbox {
		switch c := command.(type) {
		case *raft.AppendEntriesRequest:
			c.Term = 0
		case *raft.RequestVoteRequest:
			c.Term = 0
		case *raft.InstallSnapshotRequest:
			c.Term = 0
		}
	}
}
