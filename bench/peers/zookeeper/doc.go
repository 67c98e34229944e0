// Package zookeeper drives three ZooKeeper servers with the Go client
// github.com/go-zookeeper/zk.
//
// The servers run as Debian packages them, with the timing of ZooKeeper's sample
// configuration (a tick of 2 s, hence no session shorter than 4 s), forced syncs
// included, without the limit on connections from one address. Every client has
// a connection and a session of its own, as ZooKeeper knows no other, kept alive
// by the library; clients are spread over the servers.
//
// An ensemble can be warmed up before it is measured, since nobody measures a
// service by the first seconds of its life and Java is slow in those.
//
// Locks follow the recipe of ZooKeeper's documentation: a sequential ephemeral
// node below the lock's, whose lowest number holds; who waits watches the node
// before its own. A try that finds somebody before it takes its node away again.
// A linearizable query is a sync before the read.
//
// Bare leaves the recipe out: the lock is one ephemeral node, created and
// deleted. Nobody can wait then.
package zookeeper
