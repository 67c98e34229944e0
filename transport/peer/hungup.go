//go:build unix

package peer

import (
	"errors"
	"net"
	"syscall"
)

// hungUp says whether an idle connection is dead: closed by the peer, or with
// bytes that nobody asked for, which on TLS announce the same.
func hungUp(raw net.Conn) bool {
	tcp, ok := raw.(syscall.Conn)
	if !ok {
		return false
	}
	control, err := tcp.SyscallConn()
	if err != nil {
		return true
	}
	quiet := false
	err = control.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		quiet = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err != nil || !quiet
}
