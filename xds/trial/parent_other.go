//go:build !linux

package trial

import "syscall"

// diesWithParent is for Linux only; elsewhere an Envoy ends by itself soon.
func diesWithParent() *syscall.SysProcAttr { return nil }
