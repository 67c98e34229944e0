// Package lockctl has the tests of the command line: scripts that run lockctl
// against real clusters of three nodes.
//
// A script is a file testdata/script/NAME.txtar, in the language of
// github.com/rogpeppe/go-internal/testscript, and stands for one sentence about
// lockctl, which its first lines say. It finds lockctl on its PATH, the cluster in
// LOCKD_ADDR and, in NAME, a name that no other script uses. All scripts run side
// by side on one cluster, whose nodes none of them may touch; a script whose file
// begins with cluster_ has a cluster of its own.
//
// Beside the language's own commands there are:
//
//	exits N PROGRAM ARG...   run it, and want exit code N
//	start PROC PROGRAM ARG...
//	                         run it in the background as PROC: what it says goes to
//	                         PROC.out and PROC.err, its stdin stays open
//	close PROC               close its stdin
//	signal PROC SIGNAL       send it a signal, such as TERM
//	ends PROC N              wait for its end, and want exit code N; 128+n after
//	                         signal n
//	waitfor PROGRAM ARG...   run it again and again until it succeeds
//	leader VARIABLE          set the variable to the name of the node that leads
//	node VERB NAME           kill, stop, start, pause or resume a node, or wait until
//	                         it is ready; NAME is n1, n2, n3, leader or all
package lockctl
