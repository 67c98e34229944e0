package etcd_test

import (
	"testing"

	"lockd/bench/peers/etcd"
	"lockd/bench/peers/peertest"
)

const binary = "../../../bin/peers/etcd"

func TestTheRecipeKeepsItsPromises(t *testing.T) {
	peertest.Promises(t, etcd.Driver{Path: binary}, true)
}

func TestABareKeyKeepsItsPromises(t *testing.T) {
	peertest.Promises(t, etcd.Driver{Path: binary, Bare: true, Connections: 1}, false)
}

func TestEveryWorkloadRunsOnTheRecipe(t *testing.T) {
	peertest.Workloads(t, etcd.Driver{Path: binary, Connections: 2}, "W1s", "W2", "W3", "W4", "W5", "W6", "W7")
}
