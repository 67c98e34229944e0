package zookeeper_test

import (
	"testing"

	"lockd/bench/peers/peertest"
	"lockd/bench/peers/zookeeper"
)

func TestTheRecipeKeepsItsPromises(t *testing.T) {
	peertest.Promises(t, zookeeper.Driver{}, true)
}

func TestABareNodeKeepsItsPromises(t *testing.T) {
	peertest.Promises(t, zookeeper.Driver{Bare: true}, false)
}

func TestEveryWorkloadRunsOnTheRecipe(t *testing.T) {
	peertest.Workloads(t, zookeeper.Driver{}, "W1s", "W2", "W3", "W4", "W5", "W6", "W7")
}
