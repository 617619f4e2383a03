package trial

import "syscall"

// diesWithParent ends the Envoy when Kibble is killed.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
