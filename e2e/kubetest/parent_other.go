//go:build !linux

package kubetest

import "syscall"

// diesWithParent is for Linux only; elsewhere a killed test leaves its Envoy behind.
func diesWithParent() *syscall.SysProcAttr { return nil }
