package main

import "syscall"

// A tribe is CMD's process group and everything that descends from a process:
// an interactive shell gives each of its jobs a group of its own.
type tribe struct {
	group int
	// root is the ancestor, itself of the tribe only if it is in the group.
	root int
	// not is a child of root that does not belong.
	not int
}

func (t tribe) groupOnly() []int {
	if syscall.Kill(-t.group, 0) != nil {
		return nil
	}
	return []int{-t.group}
}
