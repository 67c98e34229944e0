// Package fault breaks a cluster of real lockd processes while clients use it,
// and holds everything that they were answered against the promises.
//
// The nodes run in network namespaces of their own, so that links can be cut in
// either direction; delays and stalls are made by a proxy on the peer links. The
// clients are on all nodes: some speak the HTTP API, some use the Go SDK. After
// each scenario the network is healed: a grant must come soon, nothing may stay
// stuck, all nodes must have the same table, and the recorded history must pass
// all checks of lockd/test/history.
//
// The tests need root, iproute2 and iptables, and say so when they skip. Without
// LOCKD_FAULT=all they are a short selection.
package fault
