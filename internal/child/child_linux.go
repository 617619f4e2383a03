// Package child starts processes that do not outlive this one.
package child

import "syscall"

// DiesWithParent ends a child when this process is killed before it can clean up.
func DiesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
