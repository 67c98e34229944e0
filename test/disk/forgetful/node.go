package main

import (
	"context"
	"maps"
	"slices"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// node shows one entry of a disk to the kernel.
type node struct {
	fs.Inode
	disk  *disk
	entry *entry
}

var (
	_ fs.NodeGetattrer = (*node)(nil)
	_ fs.NodeSetattrer = (*node)(nil)
	_ fs.NodeLookuper  = (*node)(nil)
	_ fs.NodeReaddirer = (*node)(nil)
	_ fs.NodeCreater   = (*node)(nil)
	_ fs.NodeMkdirer   = (*node)(nil)
	_ fs.NodeUnlinker  = (*node)(nil)
	_ fs.NodeRmdirer   = (*node)(nil)
	_ fs.NodeRenamer   = (*node)(nil)
	_ fs.NodeOpener    = (*node)(nil)
	_ fs.NodeReader    = (*node)(nil)
	_ fs.NodeWriter    = (*node)(nil)
	_ fs.NodeFsyncer   = (*node)(nil)
)

// change carries out a change unless the power is off.
func (n *node) change(what func() syscall.Errno) syscall.Errno {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	if n.disk.off {
		return syscall.EIO
	}
	return what()
}

func (n *node) describe(e *entry, out *fuse.Attr) {
	out.Ino, out.Mode, out.Nlink, out.Size = e.number, e.mode|kind(e), 1, uint64(len(e.content))
	out.Blksize, out.Blocks = pageBytes, (out.Size+511)/512
}

func kind(e *entry) uint32 {
	if e.directory() {
		return syscall.S_IFDIR
	}
	return syscall.S_IFREG
}

func (n *node) show(ctx context.Context, e *entry, out *fuse.EntryOut) *fs.Inode {
	n.describe(e, &out.Attr)
	return n.NewInode(ctx, &node{disk: n.disk, entry: e}, fs.StableAttr{Mode: kind(e), Ino: e.number})
}

func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	n.describe(n.entry, &out.Attr)
	return 0
}

func (n *node) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return n.change(func() syscall.Errno {
		if mode, ok := in.GetMode(); ok {
			n.entry.mode = mode & 0o7777
		}
		if size, ok := in.GetSize(); ok {
			n.entry.resize(int(size))
		}
		n.describe(n.entry, &out.Attr)
		return 0
	})
}

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	e := n.entry.names[name]
	if e == nil {
		return nil, syscall.ENOENT
	}
	return n.show(ctx, e, out), 0
}

func (n *node) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	var list []fuse.DirEntry
	for _, name := range slices.Sorted(maps.Keys(n.entry.names)) {
		e := n.entry.names[name]
		list = append(list, fuse.DirEntry{Name: name, Mode: kind(e), Ino: e.number})
	}
	return fs.NewListDirStream(list), 0
}

func (n *node) add(ctx context.Context, name string, mode uint32, directory bool, out *fuse.EntryOut) (inode *fs.Inode, failed syscall.Errno) {
	failed = n.change(func() syscall.Errno {
		e := n.disk.newEntry(mode&0o7777, directory)
		n.entry.names[name] = e
		inode = n.show(ctx, e, out)
		return 0
	})
	return inode, failed
}

func (n *node) Create(ctx context.Context, name string, _ uint32, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	inode, failed := n.add(ctx, name, mode, false, out)
	return inode, nil, fuse.FOPEN_KEEP_CACHE, failed
}

func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.add(ctx, name, mode, true, out)
}

func (n *node) Unlink(_ context.Context, name string) syscall.Errno {
	return n.change(func() syscall.Errno {
		delete(n.entry.names, name)
		return 0
	})
}

func (n *node) Rmdir(_ context.Context, name string) syscall.Errno {
	return n.change(func() syscall.Errno {
		if len(n.entry.names[name].names) > 0 {
			return syscall.ENOTEMPTY
		}
		delete(n.entry.names, name)
		return 0
	})
}

func (n *node) Rename(_ context.Context, name string, parent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	to, ok := parent.(*node)
	if !ok || flags != 0 {
		return syscall.ENOTSUP
	}
	return n.change(func() syscall.Errno {
		e := n.entry.names[name]
		delete(n.entry.names, name)
		to.entry.names[newName] = e
		return 0
	})
}

func (n *node) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_KEEP_CACHE, 0
}

func (n *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	n.disk.mu.Lock()
	defer n.disk.mu.Unlock()
	content := n.entry.content[min(int(at), len(n.entry.content)):]
	return fuse.ReadResultData(dest[:copy(dest, content)]), 0
}

func (n *node) Write(_ context.Context, _ fs.FileHandle, b []byte, at int64) (uint32, syscall.Errno) {
	failed := n.change(func() syscall.Errno {
		n.entry.write(b, int(at))
		return 0
	})
	if failed != 0 {
		return 0, failed
	}
	return uint32(len(b)), 0
}

func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	return n.change(func() syscall.Errno {
		if !n.disk.lies {
			n.entry.sync()
		}
		return 0
	})
}
