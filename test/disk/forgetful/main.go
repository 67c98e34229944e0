package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "forgetful:", err)
		os.Exit(1)
	}
}

// mounted is a disk on its directory.
type mounted struct {
	dir    string
	disk   *disk
	server *fuse.Server
}

func run(dirs []string, commands io.Reader, answers io.Writer) (err error) {
	var all []*mounted
	defer func() {
		for _, m := range all {
			err = errors.Join(err, m.unmount())
		}
	}()
	for _, dir := range dirs {
		m := &mounted{dir: dir, disk: newDisk()}
		if err := m.mount(); err != nil {
			return err
		}
		all = append(all, m)
	}
	fmt.Fprintln(answers, "mounted")
	lines := bufio.NewScanner(commands)
	for lines.Scan() {
		answer, err := obey(all, lines.Text())
		if err != nil {
			return err
		}
		fmt.Fprintln(answers, answer)
	}
	return lines.Err()
}

// obey carries out one command and returns its answer.
func obey(all []*mounted, command string) (string, error) {
	var seed uint64
	if _, err := fmt.Sscanf(command, "cut %d", &seed); err == nil {
		return fmt.Sprint("cut ", cut(all, seed)), nil
	}
	switch command {
	case "lie":
		for _, m := range all {
			m.disk.mu.Lock()
			m.disk.lies = true
			m.disk.mu.Unlock()
		}
		return "lying", nil
	case "restore":
		for _, m := range all {
			if err := m.restore(); err != nil {
				return "", err
			}
		}
		return "restored", nil
	default:
		return "", fmt.Errorf("unknown command %q", command)
	}
}

// cut takes the power from all disks at one moment.
func cut(all []*mounted, seed uint64) (lost int) {
	var chance *rand.Rand
	if seed != 0 {
		chance = rand.New(rand.NewPCG(seed, 0))
	}
	for _, m := range all {
		m.disk.mu.Lock()
	}
	for _, m := range all {
		m.disk.off = true
		lost += m.disk.root.cut(chance)
	}
	for _, m := range all {
		m.disk.mu.Unlock()
	}
	return lost
}

// mount shows the disk to the kernel, which may believe its own cache: nobody
// else changes anything.
func (m *mounted) mount() error {
	valid := time.Hour
	server, err := fs.Mount(m.dir, &node{disk: m.disk, entry: m.disk.root}, &fs.Options{
		EntryTimeout: &valid, AttrTimeout: &valid,
		MountOptions: fuse.MountOptions{FsName: "forgetful", Name: "forgetful", DirectMount: true, DisableXAttrs: true},
	})
	if err != nil {
		return fmt.Errorf("mount %s: %w", m.dir, err)
	}
	m.server = server
	return nil
}

func (m *mounted) unmount() error {
	if m.server == nil {
		return nil
	}
	if err := m.server.Unmount(); err != nil {
		return fmt.Errorf("unmount %s: %w", m.dir, err)
	}
	m.server.Wait()
	m.server = nil
	return nil
}

// restore mounts the disk anew: the kernel's cache has what was forgotten.
func (m *mounted) restore() error {
	if err := m.unmount(); err != nil {
		return err
	}
	m.disk.off = false
	return m.mount()
}
