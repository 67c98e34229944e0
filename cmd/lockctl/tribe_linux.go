package main

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// stat is what /proc says of one process.
type stat struct {
	parent, group int
	// started is when, in ticks of the clock since the machine was.
	started uint64
	dead    bool
}

// processes are all that /proc shows.
func processes() (map[int]stat, error) {
	entries, err := os.ReadDir("/proc")
	all := make(map[int]stat)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if s, ok := readStat(pid); ok {
			all[pid] = s
		}
	}
	return all, err
}

// living lists the members that still run. Where /proc does not tell, the group's
// negative number stands for them all.
func (t tribe) living() (pids []int) {
	all, err := processes()
	for pid, s := range all {
		if !s.dead && (s.group == t.group || t.descends(all, pid)) {
			pids = append(pids, pid)
		}
	}
	if _, known := all[os.Getpid()]; err != nil || !known {
		return t.groupOnly()
	}
	return pids
}

// descends follows the parents of a process up to the root.
func (t tribe) descends(all map[int]stat, pid int) bool {
	for range len(all) { // what was read at different times may go round
		s, known := all[pid]
		switch {
		case !known || pid == t.not:
			return false
		case s.parent == t.root:
			return true
		}
		pid = s.parent
	}
	return false
}

// commandOf finds CMD for the deadman that was not told of it: the child of lockctl
// that leads a group, of which somebody runs, and was started at that tick or later.
// 0 is none.
func commandOf(lockctl int, since uint64) int {
	all, _ := processes() // those that are hidden cannot be helped
	for pid, s := range all {
		if s.parent == lockctl && s.group == pid && pid != os.Getpid() && s.started >= since &&
			len(tribe{group: pid, root: pid}.living()) > 0 {
			return pid
		}
	}
	return 0
}

// parentOf is 0 if the process has ended.
func parentOf(pid int) int {
	s, _ := readStat(pid)
	return s.parent
}

// adoptOrphans makes lockctl the parent of those whose parents end from now on, so
// that they stay in the tribe. An error leaves the group, at least.
func adoptOrphans() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// readStat reads /proc/PID/stat (proc_pid_stat(5)), whose second field is a name
// in brackets that may contain anything. It is read for every process of a machine
// that may be busy, while the lease runs out: hence without an os.File.
func readStat(pid int) (stat, bool) {
	file, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return stat{}, false
	}
	var line [1024]byte
	n, err := unix.Read(file, line[:])
	_ = unix.Close(file)
	if err != nil {
		return stat{}, false
	}
	text := line[:n]
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return stat{}, false
	}
	parent, err1 := strconv.Atoi(string(fields[1]))
	group, err2 := strconv.Atoi(string(fields[2]))
	started, err3 := strconv.ParseUint(string(fields[19]), 10, 64)
	state := fields[0][0]
	return stat{parent: parent, group: group, started: started, dead: state == 'Z' || state == 'X'}, err1 == nil && err2 == nil && err3 == nil
}
