package client_test

import (
	"context"
	"crypto/rand"
	"testing"

	"lockd/client"
)

// One lock taken and given back on an in-memory node: what the SDK and HTTP cost.
func BenchmarkLockAndRelease(b *testing.B) {
	c, err := client.New(client.ConfigFromEnv())
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	defer c.Close(ctx)
	b.ReportAllocs()
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
