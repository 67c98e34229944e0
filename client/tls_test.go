package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lockd/api"
)

// identity writes a self-signed certificate and its key, and returns their names.
func identity(t *testing.T, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, "CERTIFICATE", cert), writePEM(t, "PRIVATE KEY", private)
}

func writePEM(t *testing.T, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// secured serves over TLS to whoever has the given certificate and
// the given token.
func secured(t *testing.T, clientCert, token string) (addr, caFile string) {
	t.Helper()
	raw, err := os.ReadFile(clientCert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(raw)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			reply(w, http.StatusUnauthorized, api.NewProblem(api.CodeUnauthenticated, "no"))
			return
		}
		reply(w, http.StatusOK, api.Leader{ID: r.TLS.PeerCertificates[0].DNSNames[0]})
	}))
	server.TLS = &tls.Config{ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, writePEM(t, "CERTIFICATE", server.Certificate().Raw)
}

func TestTheFilesOfTheConfigAuthenticateBothSides(t *testing.T) {
	cert, key := identity(t, "me")
	addr, ca := secured(t, cert, "secret")
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := Config{Addrs: []string{addr}, CACert: ca, ClientCert: cert, ClientKey: key, TokenFile: token}
	other, _ := identity(t, "other")
	for _, tc := range []struct {
		name string
		edit func(*Config)
		err  error
	}{
		{"all", func(*Config) {}, nil},
		{"no token", func(c *Config) { c.TokenFile = "" }, ErrUnauthenticated},
		{"another authority", func(c *Config) { c.CACert = other }, ErrUnreachable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := all
			tc.edit(&cfg)
			c, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(t.Context())
			leader, err := c.Leader(t.Context())
			if !errors.Is(err, tc.err) || err == nil && leader.ID != "me" {
				t.Errorf("leader %+v, error %v; want %v", leader, err, tc.err)
			}
		})
	}
}
