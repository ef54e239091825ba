//go:build !linux

package postgrestest

import "syscall"

// attributes can't have a process end with the test here: Stop ends it.
func attributes(*owner) *syscall.SysProcAttr { return nil }
