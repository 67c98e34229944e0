package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"lockd/api"
)

// Config says where the cluster is and how to deal with it. The zero value of a
// field means its default.
type Config struct {
	// Addrs are the client URLs of the nodes, all of them: the client fails over
	// to, and follows the leader to, none but these. The default is a local
	// cluster: ports 7410, 7420 and 7430 of 127.0.0.1.
	Addrs []string
	// TokenFile has the bearer token that authenticates the client. It is read
	// again when it changes.
	TokenFile string
	// CACert (PEM) has the authorities that nodes are verified against; the
	// default is the system's.
	CACert string
	// ClientCert and ClientKey (PEM) authenticate the client to the nodes. They
	// are read again for every connection.
	ClientCert, ClientKey string

	// Name, the default being the program's, is shown to whoever asks who holds
	// a lock.
	Name string
	// TTL is how long the cluster waits for a silent client before it gives its
	// locks to others; from 1 s to 24 h.
	TTL time.Duration
	// LockDelay keeps locks closed for so long after the client's session expired.
	LockDelay time.Duration
	// Margin is how long before the end of the lease guards are cancelled, so
	// that their owners stop in time. The default is a tenth of the TTL, at
	// least 100 ms and at most 2 s.
	Margin time.Duration
	// Poll is how long a node may hold back one answer to a waiting request.
	Poll time.Duration

	// PlainHTTP makes every request an HTTP request of its own. Else the requests
	// to a node share one stream, a WebSocket, if the node and what is before it
	// take one, and losses are told at once instead of by the next keepalive.
	PlainHTTP bool

	// Logger gets the complaints; the default is slog.Default.
	Logger *slog.Logger
	// DialContext makes connections; the default is net.Dialer's.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// DefaultConfig returns the configuration of a client of the local cluster.
func DefaultConfig() Config {
	return Config{
		Addrs:  []string{"http://127.0.0.1:7410", "http://127.0.0.1:7420", "http://127.0.0.1:7430"},
		Name:   filepath.Base(os.Args[0]),
		TTL:    DefaultTTL,
		Poll:   DefaultPoll,
		Logger: slog.Default(),
	}
}

// ConfigFromEnv returns DefaultConfig changed by the environment: LOCKD_ADDR
// (client URLs, separated by commas), LOCKD_TOKEN_FILE, LOCKD_CACERT,
// LOCKD_CLIENT_CERT and LOCKD_CLIENT_KEY (names of files).
func ConfigFromEnv() Config {
	cfg := DefaultConfig()
	var addrs []string
	for addr := range strings.SplitSeq(os.Getenv("LOCKD_ADDR"), ",") {
		if addr = strings.TrimSpace(addr); addr != "" {
			addrs = append(addrs, addr)
		}
	}
	if len(addrs) > 0 {
		cfg.Addrs = addrs
	}
	cfg.TokenFile = os.Getenv("LOCKD_TOKEN_FILE")
	cfg.CACert = os.Getenv("LOCKD_CACERT")
	cfg.ClientCert = os.Getenv("LOCKD_CLIENT_CERT")
	cfg.ClientKey = os.Getenv("LOCKD_CLIENT_KEY")
	return cfg
}

// withDefaults returns c with every zero field set.
func (c Config) withDefaults() Config {
	d := DefaultConfig()
	if len(c.Addrs) == 0 {
		c.Addrs = d.Addrs
	}
	if c.Name == "" {
		c.Name = d.Name
	}
	if c.TTL == 0 {
		c.TTL = d.TTL
	}
	if c.Poll == 0 {
		c.Poll = d.Poll
	}
	if c.Logger == nil {
		c.Logger = d.Logger
	}
	return c
}

// Validate says what is wrong with the configuration; the error wraps ErrConfig.
// It does not look at files.
func (c Config) Validate() error {
	c = c.withDefaults()
	for _, addr := range c.Addrs {
		u, err := url.Parse(addr)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("%w: address %q is no URL such as http://10.0.0.1:7410", ErrConfig, addr)
		}
	}
	switch {
	case c.TTL < minTTL || c.TTL > maxTTL:
		return fmt.Errorf("%w: a TTL of %v is not within %v and %v", ErrConfig, c.TTL, minTTL, maxTTL)
	case c.LockDelay < 0:
		return fmt.Errorf("%w: a lock delay of %v", ErrConfig, c.LockDelay)
	case c.Margin < 0 || c.Margin > c.TTL/2:
		return fmt.Errorf("%w: a margin of %v leaves too little of a TTL of %v", ErrConfig, c.Margin, c.TTL)
	case c.Poll < 0 || c.Poll > api.MaxPoll:
		return fmt.Errorf("%w: a poll of %v is not within 0 and %v", ErrConfig, c.Poll, api.MaxPoll)
	case (c.ClientCert == "") != (c.ClientKey == ""):
		return fmt.Errorf("%w: a client certificate and its key need each other", ErrConfig)
	}
	return nil
}

// margin is how long before its end a lease of that TTL is given up.
func (c *Config) margin(ttl time.Duration) time.Duration {
	if c.Margin > 0 {
		return min(c.Margin, ttl/2)
	}
	return min(max(ttl/10, minMargin), maxMargin)
}

// tls returns the TLS configuration, from the files.
func (c *Config) tls() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CACert != "" {
		pem, err := os.ReadFile(c.CACert)
		if err != nil {
			return nil, fmt.Errorf("%w: CA certificates: %w", ErrConfig, err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%w: no certificate in %s", ErrConfig, c.CACert)
		}
	}
	if c.ClientCert == "" {
		return t, nil
	}
	load := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(c.ClientCert, c.ClientKey)
		return &pair, err
	}
	if _, err := load(nil); err != nil {
		return nil, fmt.Errorf("%w: client certificate: %w", ErrConfig, err)
	}
	t.GetClientCertificate = load
	return t, nil
}

// self is what the client says about itself.
func (c *Config) self() *api.Client {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return &api.Client{Name: printable(c.Name, maxNameBytes), Host: printable(host, maxNameBytes), PID: uint32(os.Getpid())}
}

// printable is what the server takes of s as a name.
func printable(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	for len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}

// loadBearer reads the token file once, so that a wrong name is found early.
func (c *Config) loadBearer() (*bearer, error) {
	b := &bearer{file: c.TokenFile}
	if _, err := b.token(); err != nil {
		return nil, errors.Join(ErrConfig, err)
	}
	return b, nil
}
