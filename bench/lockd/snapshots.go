package lockd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Snapshots looks into the node's data directory: the folder of a snapshot has
// another name until it is complete, and one more while it is removed. Their names
// begin with the term and the entry up to which they go, and only the last few are kept.
func (c *cluster) Snapshots(node int) (begun int, writing bool, err error) {
	folders, err := os.ReadDir(filepath.Join(c.dir, fmt.Sprintf("n%d", node+1), "snapshots"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, folder := range folders {
		if strings.HasSuffix(folder.Name(), ".old.tmp") {
			continue
		}
		name, unfinished := strings.CutSuffix(folder.Name(), ".tmp")
		if c.snapshots[node] == nil {
			c.snapshots[node] = make(map[string]bool)
		}
		c.snapshots[node][name] = true
		writing = writing || unfinished
	}
	return len(c.snapshots[node]), writing, err
}
