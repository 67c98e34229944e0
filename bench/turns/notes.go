package turns

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// Notes say what a reader needs to judge the figures.
func (p *Plan) Notes() []string {
	all := []string{
		fmt.Sprintf("%s, %s/%s, %d cores, %s, load %s", time.Now().UTC().Format(time.RFC3339),
			runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), load()),
		fmt.Sprintf("servers and all clients on this machine; %d rounds of %v each; figures are medians over the rounds, max over all",
			p.Rounds, p.Config.Duration),
	}
	if inMemory(p.Dir) {
		all = append(all, "NOTE: "+p.Dir+" is in memory: fsync costs nothing there; name a folder on a disk with -dir")
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
