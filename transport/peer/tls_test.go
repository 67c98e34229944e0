package peer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// An authority signs certificates for tests.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{pool: x509.NewCertPool()}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "test authority"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.certificate, a.key = a.sign(t, template)
	a.pool.AddCert(a.certificate)
	return a
}

// sign completes and signs a template, with itself if there is no authority yet.
func (a *authority) sign(t testing.TB, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

// node returns the configuration of a node on loopback.
func (a *authority) node(t testing.TB) *tls.Config {
	t.Helper()
	certificate, key := a.sign(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "node"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}},
		RootCAs:      a.pool, ClientCAs: a.pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}
}

func withTLS(config *tls.Config) func(*Config) { return func(c *Config) { c.TLS = config } }

func TestNodesOfOneAuthorityTrustEachOther(t *testing.T) {
	ca := newAuthority(t)
	a, b := serve(t, echo, withTLS(ca.node(t))), serve(t, echo, withTLS(ca.node(t)))
	for range 3 {
		if got := ask(t, a, b.Addr(), "a to b"); got != "a to b" {
			t.Fatalf("got %q", got)
		}
		if got := ask(t, b, a.Addr(), "b to a"); got != "b to a" {
			t.Fatalf("got %q", got)
		}
	}
	replied := answerRPCs(t, b, &raft.AppendEntriesResponse{Term: 3, Success: true})
	for range 3 {
		appendEntries(t, a, b, 3)
	}
	if n := replied(); n != 3 {
		t.Fatalf("%d RPCs arrived, want 3", n)
	}
}

func TestCallerWithoutATrustedCertificateIsRefused(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	server := serve(t, handlerNever(t), withTLS(ca.node(t)))
	bare := ca.node(t)
	bare.Certificates = nil
	foreign := other.node(t)
	foreign.RootCAs = ca.pool
	for _, c := range []struct {
		name   string
		config *tls.Config
	}{{"no certificate", bare}, {"certificate of another authority", foreign}, {"no TLS", nil}} {
		t.Run(c.name, func(t *testing.T) {
			client := listen(t, nil)
			client.config.TLS = c.config // Listen would refuse some of them
			if _, err := client.Send(server.Addr(), 1, nil, func([]byte, bool, error) { t.Error("answered") }); err == nil {
				t.Fatal("the request was sent")
			}
		})
	}
}

func TestServerOfAnotherAuthorityIsNotTrusted(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	foreign := other.node(t)
	foreign.ClientCAs = ca.pool
	server := serve(t, handlerNever(t), withTLS(foreign))
	client := listen(t, withTLS(ca.node(t)))
	_, err := client.Send(server.Addr(), 1, nil, func([]byte, bool, error) { t.Error("answered") })
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		t.Fatalf("got %v, want an unknown authority", err)
	}
}

func TestServerMustShowTheHostDialled(t *testing.T) {
	ca := newAuthority(t)
	server := serve(t, handlerNever(t), func(c *Config) { c.Addr, c.TLS = "127.0.0.2:0", ca.node(t) })
	client := listen(t, withTLS(ca.node(t)))
	_, err := client.Send(server.Addr(), 1, nil, func([]byte, bool, error) { t.Error("answered") })
	var mismatch x509.HostnameError
	if !errors.As(err, &mismatch) {
		t.Fatalf("got %v, want a mismatch of the host", err)
	}
}

func TestTLSNodeCannotDialAPlainOne(t *testing.T) {
	server := serve(t, handlerNever(t), nil)
	client := listen(t, withTLS(newAuthority(t).node(t)))
	if _, err := client.Send(server.Addr(), 1, nil, func([]byte, bool, error) {}); err == nil {
		t.Fatal("the request was sent")
	}
}

func TestOneSidedTLSIsRefused(t *testing.T) {
	ca := newAuthority(t)
	for _, c := range []struct {
		name   string
		change func(*tls.Config)
	}{
		{"no certificate", func(c *tls.Config) { c.Certificates = nil }},
		{"no roots", func(c *tls.Config) { c.RootCAs = nil }},
		{"no client authorities", func(c *tls.Config) { c.ClientCAs = nil }},
		{"clients not verified", func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }},
		{"servers not verified", func(c *tls.Config) { c.InsecureSkipVerify = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := ca.node(t)
			c.change(config)
			if err := validateTLS(config); !errors.Is(err, ErrConfig) {
				t.Fatalf("got %v, want ErrConfig", err)
			}
		})
	}
}
