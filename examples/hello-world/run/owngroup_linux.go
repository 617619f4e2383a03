package main

import "syscall"

// ownGroup puts a child into a process group of its own, and ends it when the
// demo is killed before it can clean up.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
