package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// notes say what a reader needs to judge the figures.
func notes(o *options) []string {
	all := []string{
		fmt.Sprintf("%s, %s/%s, %d cores, %s, load %s", time.Now().UTC().Format(time.RFC3339),
			runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), load()),
		fmt.Sprintf("3 nodes and all clients on this machine; %d rounds of %v each; figures are medians over the rounds, max over all",
			o.rounds, o.config.Duration),
	}
	if inMemory(o.dir) {
		all = append(all, "NOTE: "+o.dir+" is in memory: fsync costs nothing there; name a folder on a disk with -dir")
	}
	return all
}

// load is the average of the last minute before the measurement.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
