// Package turns carries out workloads on lock services that take turns, so that
// what else the machine does meets them alike.
package turns
