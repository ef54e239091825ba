package postgrestest

import "syscall"

// attributes has a process end with the test: SIGQUIT makes PostgreSQL end its own at once.
func attributes(as *owner) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT, Setpgid: true}
	if as != nil {
		attr.Credential = &syscall.Credential{Uid: uint32(as.uid), Gid: uint32(as.gid)}
	}
	return attr
}
