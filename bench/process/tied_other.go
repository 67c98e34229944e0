//go:build unix && !linux

package process

import "syscall"

func tied() *syscall.SysProcAttr { return nil }
