//go:build !windows

package main

import "syscall"

// freeSpace is how many bytes a person without special rights may still write.
func freeSpace(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil //nolint:unconvert // neither is negative; their types differ from system to system
}
