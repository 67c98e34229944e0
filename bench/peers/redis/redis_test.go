package redis_test

import (
	"testing"

	"lockd/bench/peers/peertest"
	"lockd/bench/peers/redis"
)

func TestTheLockKeepsItsPromises(t *testing.T) {
	peertest.Promises(t, redis.Driver{}, true)
}

func TestTheLockKeepsItsPromisesOverPipelines(t *testing.T) {
	peertest.Promises(t, redis.Driver{Pipelined: true}, true)
}

func TestEveryWorkloadRunsOnTheLock(t *testing.T) {
	peertest.Workloads(t, redis.Driver{}, "W1s", "W2", "W3", "W4", "W5", "W6")
}
