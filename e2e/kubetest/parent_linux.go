package kubetest

import "syscall"

// diesWithParent ends the child when the test binary is killed before it can clean up.
func diesWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
