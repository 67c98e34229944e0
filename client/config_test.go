package client

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestConfigFromEnv(t *testing.T) {
	t.Setenv("LOCKD_ADDR", " https://a:1 ,,https://b:2/")
	t.Setenv("LOCKD_TOKEN_FILE", "token")
	t.Setenv("LOCKD_CACERT", "ca")
	t.Setenv("LOCKD_CLIENT_CERT", "cert")
	t.Setenv("LOCKD_CLIENT_KEY", "key")
	cfg := ConfigFromEnv()
	if !slices.Equal(cfg.Addrs, []string{"https://a:1", "https://b:2/"}) {
		t.Errorf("addresses %q", cfg.Addrs)
	}
	if cfg.TokenFile != "token" || cfg.CACert != "ca" || cfg.ClientCert != "cert" || cfg.ClientKey != "key" {
		t.Errorf("files %+v", cfg)
	}
	t.Setenv("LOCKD_ADDR", "")
	if got := ConfigFromEnv().Addrs; !slices.Equal(got, DefaultConfig().Addrs) {
		t.Errorf("addresses %q without LOCKD_ADDR", got)
	}
}

func TestABadConfigIsRefused(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"no scheme":         {Addrs: []string{"127.0.0.1:7410"}},
		"other scheme":      {Addrs: []string{"ftp://a"}},
		"query":             {Addrs: []string{"http://a?x=1"}},
		"short TTL":         {TTL: time.Millisecond},
		"long TTL":          {TTL: 25 * time.Hour},
		"negative delay":    {LockDelay: -1},
		"margin":            {TTL: time.Second, Margin: 600 * time.Millisecond},
		"poll":              {Poll: 2 * time.Hour},
		"half a pair":       {ClientCert: "cert"},
		"no CA file":        {CACert: missing},
		"no CA in the file": {CACert: empty},
		"no certificate":    {ClientCert: missing, ClientKey: missing},
		"no token file":     {TokenFile: missing},
		"empty token file":  {TokenFile: empty},
	} {
		if _, err := New(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: error %v, want ErrConfig", name, err)
		}
	}
}

func TestAnAddressThatIsNoURLIsToldHowOneLooks(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:7410", "node1:7410", "node1", "http://", "http://a b"} {
		if err := (Config{Addrs: []string{addr}}).Validate(); err == nil || !strings.HasSuffix(err.Error(), "is no URL such as http://10.0.0.1:7410") {
			t.Errorf("%q: %v", addr, err)
		}
	}
}

func TestATokenFileIsReadAgainWhenItChanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	b := &bearer{file: file}
	now := time.Now()
	for i, text := range []string{"first", "second"} {
		write(text+"\n", now.Add(time.Duration(i)*time.Second))
		if got, err := b.token(); got != text || err != nil {
			t.Errorf("token %q, %v; want %q", got, err, text)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if got, err := b.token(); got != "second" || err != nil {
		t.Errorf("while it is being replaced: %q, %v", got, err)
	}
}

func TestTheMarginFollowsTheTTL(t *testing.T) {
	for _, tc := range []struct{ set, ttl, want time.Duration }{
		{0, time.Second, 100 * time.Millisecond},
		{0, 10 * time.Second, time.Second},
		{0, time.Hour, 2 * time.Second},
		{5 * time.Second, time.Minute, 5 * time.Second},
		{5 * time.Second, 4 * time.Second, 2 * time.Second},
	} {
		cfg := Config{Margin: tc.set}
		if got := cfg.margin(tc.ttl); got != tc.want {
			t.Errorf("margin %v for a TTL of %v, set to %v: want %v", got, tc.ttl, tc.set, tc.want)
		}
	}
}

func TestTheClockGoesOn(t *testing.T) {
	clk := newClock()
	first := clk.Now()
	for clk.Now() == first {
	}
	if clk.Now() < first {
		t.Error("the clock went back")
	}
}
