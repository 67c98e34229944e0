package client

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// A bearer has the token of a file, read again when the file changes.
type bearer struct {
	file string

	mu       sync.Mutex
	value    string
	modified time.Time
}

// token returns the token; "" if there is no file to read.
func (b *bearer) token() (string, error) {
	if b.file == "" {
		return "", nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	stat, err := os.Stat(b.file)
	if err != nil && b.value != "" {
		return b.value, nil // between the two steps of a replacement
	}
	if err != nil {
		return "", fmt.Errorf("token file: %w", err)
	}
	if b.value != "" && stat.ModTime().Equal(b.modified) {
		return b.value, nil
	}
	value, err := readToken(b.file)
	if err != nil {
		return "", fmt.Errorf("token file: %w", err)
	}
	b.value, b.modified = value, stat.ModTime()
	return value, nil
}

func readToken(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxTokenFileBytes+1))
	if err != nil {
		return "", err
	}
	value := strings.TrimSpace(string(raw))
	if value == "" || len(raw) > maxTokenFileBytes {
		return "", fmt.Errorf("%s: empty, or longer than %d bytes", name, maxTokenFileBytes)
	}
	return value, nil
}
