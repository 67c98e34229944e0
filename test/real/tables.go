package real

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"lockd/api"
)

// AwaitEqualTables waits until all the nodes show the state hash of one index,
// and fails the test if two nodes show different hashes of the same index.
func (c *Cluster) AwaitEqualTables(within time.Duration, nodes ...*Node) {
	c.tb.Helper()
	c.Await(within, "all nodes show the table of one index", func() bool {
		hashes := make(map[uint64]string)
		for _, n := range nodes {
			status, err := n.Status()
			if err != nil {
				return false
			}
			state := status.StateHash
			if other, seen := hashes[state.Index]; seen && other != state.Hash {
				c.tb.Fatalf("the tables differ at index %d: %s and, at %s, %s", state.Index, other, n.Name, state.Hash)
			}
			hashes[state.Index] = state.Hash
		}
		return len(hashes) == 1
	})
}

// Status is what the node says of itself and of the cluster.
func (n *Node) Status() (status api.Status, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.URL+"/v1/status", nil)
	if err != nil {
		return status, err
	}
	answer, err := n.cluster.HTTP.Do(request)
	if err != nil {
		return status, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return status, fmt.Errorf("%s: status %d", n.Name, answer.StatusCode)
	}
	err = json.NewDecoder(answer.Body).Decode(&status)
	return status, err
}
