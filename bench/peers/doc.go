// Command peers measures lockd and other lock services in turn, on one machine
// and in one run, and writes tables, ratios and a chart.
//
// Each service is started as it is meant to be run, with its data on disk and
// synced, and is met by clients of the same kind in the same number: packages
// etcd, zookeeper, redis and lockd/bench/lockd say what each does.
package main
