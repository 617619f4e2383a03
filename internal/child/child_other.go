//go:build !linux

// Package child starts processes that do not outlive this one.
package child

import "syscall"

// DiesWithParent is for Linux only; elsewhere the child of a process that is killed
// stays behind, or ends by itself.
func DiesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
