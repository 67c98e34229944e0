package peer

import (
	"crypto/tls"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
)

// A Config says who this node is and how it listens. Durations left zero take
// the values of DefaultConfig.
type Config struct {
	// Addr is the TCP address to listen on, such as "10.0.0.1:7411".
	Addr string
	// Advertise is the address under which the other nodes reach this one and
	// which raft tells them. Empty: the address listened on, which then must
	// name a host.
	Advertise string
	// ClusterID is the same on all nodes of a cluster and different elsewhere:
	// 1 to MaxClusterIDBytes bytes.
	ClusterID string
	// Name is this node's name: 1 to MaxNameBytes bytes.
	Name string
	// TLS, if not nil, secures every connection in both directions. One
	// configuration serves both roles, so it must hold this node's certificate,
	// valid for client and for server use, RootCAs to verify the nodes dialled,
	// and ClientCAs with ClientAuth tls.RequireAndVerifyClientCert to verify
	// the nodes that dial. ServerName, if set, is expected of every node;
	// otherwise each must show the host of the address dialled. MinVersion
	// is raised to TLS 1.3. It is copied.
	TLS *tls.Config
	// Logger takes what happens to connections; nil discards it.
	Logger hclog.Logger

	// PingEvery is how often an open link is pinged.
	PingEvery time.Duration
	// PingTimeout is the silence after which a link is given up; a write may
	// take four times as long. Time in which this process itself was held up
	// hardly counts. At least twice PingEvery.
	PingTimeout time.Duration
	// DialTimeout bounds a dial with its handshake, for links and raft.
	DialTimeout time.Duration
	// RPCTimeout bounds one raft RPC; a snapshot may take as long for each
	// 64 KiB of its size, but must not stall for longer.
	RPCTimeout time.Duration
}

// DefaultConfig returns the timing for nodes in one region; the fields that say
// who the node is are left to the caller.
func DefaultConfig() Config {
	return Config{
		PingEvery:   250 * time.Millisecond,
		PingTimeout: time.Second,
		DialTimeout: 500 * time.Millisecond,
		RPCTimeout:  time.Second,
	}
}

// Validate returns an error that wraps ErrConfig and names the first field that
// cannot work.
func (c *Config) Validate() error {
	switch {
	case c.Addr == "":
		return fmt.Errorf("%w: Addr is empty", ErrConfig)
	case len(c.ClusterID) == 0 || len(c.ClusterID) > MaxClusterIDBytes:
		return fmt.Errorf("%w: ClusterID has %d bytes, 1 to %d are allowed", ErrConfig, len(c.ClusterID), MaxClusterIDBytes)
	case len(c.Name) == 0 || len(c.Name) > MaxNameBytes:
		return fmt.Errorf("%w: Name has %d bytes, 1 to %d are allowed", ErrConfig, len(c.Name), MaxNameBytes)
	case c.PingEvery <= 0 || c.DialTimeout <= 0 || c.RPCTimeout <= 0:
		return fmt.Errorf("%w: PingEvery, DialTimeout and RPCTimeout must be positive", ErrConfig)
	case c.PingTimeout < 2*c.PingEvery:
		return fmt.Errorf("%w: PingTimeout %v is less than twice PingEvery %v", ErrConfig, c.PingTimeout, c.PingEvery)
	}
	return validateTLS(c.TLS)
}

func validateTLS(c *tls.Config) error {
	switch {
	case c == nil:
		return nil
	case len(c.Certificates) == 0 && (c.GetCertificate == nil || c.GetClientCertificate == nil):
		return fmt.Errorf("%w: TLS holds no certificate for both roles", ErrConfig)
	case c.RootCAs == nil || c.ClientCAs == nil:
		return fmt.Errorf("%w: TLS needs RootCAs and ClientCAs", ErrConfig)
	case c.ClientAuth != tls.RequireAndVerifyClientCert:
		return fmt.Errorf("%w: TLS.ClientAuth must be RequireAndVerifyClientCert", ErrConfig)
	case c.InsecureSkipVerify:
		return fmt.Errorf("%w: TLS.InsecureSkipVerify is set", ErrConfig)
	}
	return nil
}

func (c Config) withDefaults() Config {
	d := DefaultConfig()
	for _, f := range []struct{ field, value *time.Duration }{
		{&c.PingEvery, &d.PingEvery},
		{&c.PingTimeout, &d.PingTimeout},
		{&c.DialTimeout, &d.DialTimeout},
		{&c.RPCTimeout, &d.RPCTimeout},
	} {
		if *f.field == 0 {
			*f.field = *f.value
		}
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.TLS != nil {
		c.TLS = c.TLS.Clone()
		c.TLS.MinVersion = max(c.TLS.MinVersion, tls.VersionTLS13)
	}
	return c
}
