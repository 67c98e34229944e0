// Command etcdserver is etcd itself: its own module has no main package that
// could be installed from the module proxy.
package main
