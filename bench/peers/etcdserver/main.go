// Command etcdserver is etcd itself: its own module has no main package that
// could be installed from the module proxy.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
