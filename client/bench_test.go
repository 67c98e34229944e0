package client_test

import (
	"context"
	"crypto/rand"
	"testing"

	"lockd/client"
)

// One lock taken and given back by each of many goroutines on an in-memory node:
// what the SDK costs, over HTTP and over a stream.
func BenchmarkLockAndRelease(b *testing.B) {
	for _, plain := range []bool{true, false} {
		name := "stream"
		if plain {
			name = "http"
		}
		b.Run(name, func(b *testing.B) { lockAndRelease(b, plain) })
	}
}

func lockAndRelease(b *testing.B, plain bool) {
	cfg := client.ConfigFromEnv()
	cfg.PlainHTTP = plain
	c, err := client.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	defer c.Close(ctx)
	b.ReportAllocs()
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			g, err := c.Lock(ctx, "bench/"+rand.Text())
			if err != nil {
				b.Error(err)
				return
			}
			if err := g.Release(ctx); err != nil {
				b.Error(err)
			}
		}
	})
}
