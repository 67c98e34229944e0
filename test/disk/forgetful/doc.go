// Command forgetful serves file systems in memory that forget, when told so, what
// was not synced: as a disk does when the power goes.
//
//	forgetful DIR...
//
// mounts one file system on each DIR, says "mounted", and takes commands from its
// standard input, one a line:
//
//	cut SEED   from now on every change fails. Of what was not synced nothing
//	           survives if SEED is 0; else chance decides for each page and
//	           each directory entry. Answers "cut N", N changes being lost.
//	lie        from now on a sync does nothing. Answers "lying".
//	restore    mounts what has survived. Answers "restored".
//
// At the end of its input it unmounts everything and ends. It is as strict as
// POSIX allows: a file's sync makes its content last, but not its name; for that
// the directory must be synced. A rename that was not synced is undone.
//
// It is a module of its own so that lockd needs none of its dependencies.
package main
