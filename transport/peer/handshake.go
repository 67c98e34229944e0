package peer

import (
	"encoding/binary"
	"fmt"
	"io"
)

// protocolVersion covers everything that follows the handshake. The layout of
// hello and reply never changes.
const protocolVersion = 1

const magic = "LKDP"

// A purpose says what a connection is for.
type purpose byte

const (
	purposeRaft purpose = 1
	purposeLink purpose = 2
)

func (p purpose) String() string {
	switch p {
	case purposeRaft:
		return "raft"
	case purposeLink:
		return "link"
	}
	return fmt.Sprintf("purpose %d", byte(p))
}

// A hello opens a connection, sent by the side that dials:
// magic, version, purpose, two lengths, cluster id, name.
type hello struct {
	version byte
	purpose purpose
	cluster string
	name    string
}

// A status is the outcome of a handshake. Zero is no status, so that zeroed
// bytes are not a welcome.
type status byte

const (
	statusWelcome      status = 1
	statusOtherVersion status = 2
	statusOtherCluster status = 3
	statusNotServing   status = 4
)

// refusals gives each status that is a refusal its error.
var refusals = map[status]error{
	statusOtherVersion: ErrOtherVersion,
	statusOtherCluster: ErrOtherCluster,
	statusNotServing:   ErrNotServing,
}

// A reply answers a hello: magic, version, status, three lengths, cluster id,
// name, text. The text is empty in a welcome and says why in a refusal.
type reply struct {
	version byte
	status  status
	cluster string
	name    string
	text    string
}

const (
	helloFixedBytes = len(magic) + 4
	replyFixedBytes = len(magic) + 6
)

func (h *hello) append(b []byte) []byte {
	b = append(b, magic...)
	b = append(b, h.version, byte(h.purpose), byte(len(h.cluster)), byte(len(h.name)))
	b = append(b, h.cluster...)
	return append(b, h.name...)
}

// readHello reads exactly one hello and no byte beyond it.
func readHello(r io.Reader) (*hello, error) {
	var fixed [helloFixedBytes]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return nil, err
	}
	if string(fixed[:len(magic)]) != magic {
		return nil, notLockd(fixed[:])
	}
	f := fixed[len(magic):]
	clusterLen, nameLen := int(f[2]), int(f[3])
	rest, err := readRest(r, clusterLen+nameLen)
	if err != nil {
		return nil, err
	}
	return &hello{
		version: f[0], purpose: purpose(f[1]),
		cluster: rest[:clusterLen], name: rest[clusterLen:],
	}, nil
}

func (a *reply) append(b []byte) []byte {
	text := a.text[:min(len(a.text), maxRefusalBytes)]
	b = append(b, magic...)
	b = append(b, a.version, byte(a.status), byte(len(a.cluster)), byte(len(a.name)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
	b = append(b, a.cluster...)
	b = append(b, a.name...)
	return append(b, text...)
}

// readReply reads exactly one reply and no byte beyond it.
func readReply(r io.Reader) (*reply, error) {
	var fixed [replyFixedBytes]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return nil, err
	}
	if string(fixed[:len(magic)]) != magic {
		return nil, notLockd(fixed[:])
	}
	f := fixed[len(magic):]
	clusterLen, nameLen := int(f[2]), int(f[3])
	textLen := int(binary.BigEndian.Uint16(f[4:]))
	if textLen > maxRefusalBytes {
		return nil, fmt.Errorf("%w: a refusal of %d bytes", ErrProtocol, textLen)
	}
	rest, err := readRest(r, clusterLen+nameLen+textLen)
	if err != nil {
		return nil, err
	}
	return &reply{
		version: f[0], status: status(f[1]),
		cluster: rest[:clusterLen],
		name:    rest[clusterLen : clusterLen+nameLen],
		text:    rest[clusterLen+nameLen:],
	}, nil
}

func readRest(r io.Reader, n int) (string, error) {
	rest := make([]byte, n)
	if _, err := io.ReadFull(r, rest); err != nil {
		return "", err
	}
	return string(rest), nil
}

// notLockd names the likeliest cause of a first byte that is not ours.
func notLockd(first []byte) error {
	const tlsHandshakeRecord = 0x16
	if first[0] == tlsHandshakeRecord {
		return fmt.Errorf("%w: the other side speaks TLS, this node does not", ErrProtocol)
	}
	return fmt.Errorf("%w: not a lockd peer, it began with %q", ErrProtocol, first)
}

// judge decides how an accepted connection is answered. serving says whether a
// purpose has somebody to take it.
func (p *Peer) judge(h *hello) reply {
	a := reply{version: protocolVersion, status: statusWelcome, cluster: p.config.ClusterID, name: p.config.Name}
	switch {
	case h.version != protocolVersion:
		a.status = statusOtherVersion
		a.text = fmt.Sprintf("node %q speaks peer protocol %d, node %q speaks %d; run the same release on all nodes",
			h.name, h.version, p.config.Name, protocolVersion)
	case h.cluster != p.config.ClusterID:
		a.status = statusOtherCluster
		a.text = otherCluster(h.name, h.cluster, p.config.Name, p.config.ClusterID)
	case !p.serves(h.purpose):
		a.status = statusNotServing
		a.text = fmt.Sprintf("node %q does not serve %v now", p.config.Name, h.purpose)
	}
	return a
}

func otherCluster(dialler, diallerCluster, acceptor, acceptorCluster string) string {
	return fmt.Sprintf("node %q belongs to cluster %q, node %q belongs to cluster %q; compare their member lists",
		dialler, diallerCluster, acceptor, acceptorCluster)
}

// accepts returns nil if the reply is a welcome that this node may trust.
func (p *Peer) accepts(a *reply) error {
	switch {
	case a.status != statusWelcome:
		cause := refusals[a.status]
		if cause == nil {
			cause = fmt.Errorf("status %d", a.status)
		}
		return fmt.Errorf("%w: %w: %s", ErrRefused, cause, a.text)
	case a.version != protocolVersion:
		return fmt.Errorf("%w: node %q speaks peer protocol %d, node %q speaks %d",
			ErrOtherVersion, p.config.Name, protocolVersion, a.name, a.version)
	case a.cluster != p.config.ClusterID:
		return fmt.Errorf("%w: %s", ErrOtherCluster,
			otherCluster(p.config.Name, p.config.ClusterID, a.name, a.cluster))
	}
	return nil
}
