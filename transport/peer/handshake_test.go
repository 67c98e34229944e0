package peer

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

func named(name, cluster string) func(*Config) {
	return func(c *Config) { c.Name, c.ClusterID = name, cluster }
}

func TestNodesOfDifferentClustersRefuseEachOther(t *testing.T) {
	blue := serve(t, echo, named("n1", "blue"))
	green := serve(t, echo, named("n2", "green"))
	for _, c := range []struct {
		name     string
		from, to *Peer
	}{{"blue dials green", blue, green}, {"green dials blue", green, blue}} {
		t.Run(c.name, func(t *testing.T) {
			_, sendErr := c.from.Send(c.to.Addr(), 1, nil, func([]byte, bool, error) { t.Error("answered") })
			raftErr := c.from.transport.AppendEntries("n", raft.ServerAddress(c.to.Addr()),
				&raft.AppendEntriesRequest{}, &raft.AppendEntriesResponse{})
			for _, err := range []error{sendErr, raftErr} {
				if !errors.Is(err, ErrRefused) || !errors.Is(err, ErrOtherCluster) {
					t.Fatalf("got %v, want ErrRefused for ErrOtherCluster", err)
				}
				if !strings.Contains(err.Error(), `"blue"`) || !strings.Contains(err.Error(), `"green"`) {
					t.Fatalf("%q does not name both clusters", err)
				}
			}
		})
	}
}

func TestAcceptorOfAnotherClusterIsNotTrusted(t *testing.T) {
	addr, _ := acceptLinks(t) // welcomes everybody as of cluster blue
	green := listen(t, named("n2", "green"))
	_, err := green.Send(addr, 1, nil, func([]byte, bool, error) {})
	if !errors.Is(err, ErrOtherCluster) {
		t.Fatalf("got %v, want ErrOtherCluster", err)
	}
}

func TestHelloIsRefusedInWords(t *testing.T) {
	server := listen(t, nil) // no handler
	for _, c := range []struct {
		name  string
		hello hello
		want  status
		text  string
	}{
		{"version", hello{2, purposeLink, "blue", "n9"}, statusOtherVersion, "protocol 2"},
		{"cluster", hello{1, purposeLink, "red", "n9"}, statusOtherCluster, `"red"`},
		{"link before Serve", hello{1, purposeLink, "blue", "n9"}, statusNotServing, "link"},
		{"purpose", hello{1, 9, "blue", "n9"}, statusNotServing, "purpose 9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, a := dialAs(t, server.Addr(), c.hello)
			if a.status != c.want || !strings.Contains(a.text, c.text) {
				t.Fatalf("got %+v, want status %d and %q", a, c.want, c.text)
			}
			expectEnd(t, conn)
		})
	}
}

func TestRefusedByANewerReleaseIsUnderstood(t *testing.T) {
	p := listen(t, nil)
	err := p.accepts(&reply{version: 7, status: 99, cluster: "blue", name: "n2", text: "the moon is full"})
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "the moon is full") {
		t.Fatalf("got %v", err)
	}
	err = p.accepts(&reply{version: 7, status: statusWelcome, cluster: "blue", name: "n2"})
	if !errors.Is(err, ErrOtherVersion) {
		t.Fatalf("got %v, want ErrOtherVersion", err)
	}
}

func TestRaftIsRefusedAfterItsTransportClosed(t *testing.T) {
	server, client := listen(t, nil), listen(t, nil)
	if err := server.transport.Close(); err != nil {
		t.Fatal(err)
	}
	err := client.transport.TimeoutNow("n", raft.ServerAddress(server.Addr()), &raft.TimeoutNowRequest{}, &raft.TimeoutNowResponse{})
	if !errors.Is(err, ErrNotServing) {
		t.Fatalf("got %v, want ErrNotServing", err)
	}
}

func TestGarbageOnThePortDoesNotDisturb(t *testing.T) {
	server := serve(t, echo, nil)
	client := listen(t, nil)
	ask(t, client, server.Addr(), "before")
	for _, garbage := range []string{
		"", "L", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", magic,
		string(linkHello.append(nil)) + "and then nonsense that is no frame",
		string(linkHello.append(nil)) + string(appendFrame(nil, frameFinal, 0, 1, nil)),
		string(linkHello.append(nil)) + string(appendFrame(appendFrame(nil, frameCancel, 0, 77, nil), frameTypes, 0, 1, nil)),
		string((&hello{1, purposeRaft, "blue", "x"}).append(nil)) + "\xff no rpc",
	} {
		conn, err := net.Dial("tcp", server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(garbage)); err != nil {
			t.Fatal(err)
		}
		_ = conn.(*net.TCPConn).CloseWrite()
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		expectEnd(t, conn)
		_ = conn.Close()
		if got := ask(t, client, server.Addr(), "still"); got != "still" {
			t.Fatalf("got %q", got)
		}
	}
}

func TestFrameTooLargeFromThePeerEndsTheConnection(t *testing.T) {
	header := appendFrame(nil, frameAnswer, 0, 1, nil)
	header[0] = 0xff
	t.Run("answer", func(t *testing.T) {
		addr, accepted := acceptLinks(t)
		client := listen(t, nil)
		answer, ended := collect()
		send(t, client, addr, "", answer)
		if _, err := receive(t, accepted, "the connection").Write(header); err != nil {
			t.Fatal(err)
		}
		if e := receive(t, ended, "the loss"); !errors.Is(e.err, ErrConnectionLost) || !errors.Is(e.err, ErrTooLarge) {
			t.Fatalf("got %v, want ErrConnectionLost for ErrTooLarge", e.err)
		}
	})
	t.Run("request", func(t *testing.T) {
		server := serve(t, echo, nil)
		s, _ := dialAs(t, server.Addr(), linkHello)
		header[4] = byte(frameRequest)
		if _, err := s.Write(header); err != nil {
			t.Fatal(err)
		}
		expectEnd(t, s)
	})
}

func TestRequestIDUsedTwiceEndsTheConnection(t *testing.T) {
	server := serve(t, silent(make(chan context.Context, 2)), nil)
	s, _ := dialAs(t, server.Addr(), linkHello)
	twice := appendFrame(appendFrame(nil, frameRequest, 1, 5, nil), frameRequest, 1, 5, nil)
	if _, err := s.Write(twice); err != nil {
		t.Fatal(err)
	}
	expectEnd(t, s)
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
	}{
		{"no address", func(c *Config) { c.Addr = "" }},
		{"no cluster", func(c *Config) { c.ClusterID = "" }},
		{"long cluster", func(c *Config) { c.ClusterID = strings.Repeat("x", MaxClusterIDBytes+1) }},
		{"no name", func(c *Config) { c.Name = "" }},
		{"long name", func(c *Config) { c.Name = strings.Repeat("x", MaxNameBytes+1) }},
		{"negative dial timeout", func(c *Config) { c.DialTimeout = -1 }},
		{"timeout below two pings", func(c *Config) { c.PingTimeout = c.PingEvery }},
		{"no host to advertise", func(c *Config) { c.Addr = ":0" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := DefaultConfig()
			config.Addr, config.ClusterID, config.Name = "127.0.0.1:0", "blue", "n1"
			c.change(&config)
			if p, err := Listen(config); !errors.Is(err, ErrConfig) {
				if err == nil {
					_ = p.Close()
				}
				t.Fatalf("got %v, want ErrConfig", err)
			}
		})
	}
}
