//go:build !unix

package peer

import "net"

// hungUp cannot tell here; a dead connection then costs one RPC.
func hungUp(net.Conn) bool { return false }
