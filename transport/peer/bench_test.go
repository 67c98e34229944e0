package peer

import (
	"fmt"
	"sync"
	"testing"
)

// BenchmarkRoundTrip measures requests and their answers over loopback, with so
// many outstanding at a time.
func BenchmarkRoundTrip(b *testing.B) {
	for _, outstanding := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("outstanding=%d", outstanding), func(b *testing.B) {
			roundTrips(b, outstanding, func(*Config) {})
		})
	}
	b.Run("TLS/outstanding=256", func(b *testing.B) {
		ca := newAuthority(b)
		roundTrips(b, 256, func(c *Config) { c.TLS = ca.node(b) })
	})
}

func roundTrips(b *testing.B, outstanding int, change func(*Config)) {
	server, client := serve(b, echo, change), listen(b, change)
	payload := make([]byte, 64)
	ask(b, client, server.Addr(), "warm up")
	slots := make(chan struct{}, outstanding)
	var ending sync.WaitGroup
	ending.Add(b.N)
	answer := func(_ []byte, _ bool, err error) {
		if err != nil {
			b.Error(err)
		}
		<-slots
		ending.Done()
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		slots <- struct{}{}
		if _, err := client.Send(server.Addr(), 1, payload, answer); err != nil {
			b.Fatal(err)
		}
	}
	ending.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "roundtrips/s")
}
