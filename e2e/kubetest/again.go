package kubetest

import (
	"os"
	"os/exec"
	"syscall"
)

// Again runs this test program once more, with one more variable in its environment
// and in the namespaces that attr says, and gives its exit code. An error says that
// it could not be started.
func Again(variable string, attr *syscall.SysProcAttr) (int, error) {
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = os.Stdout, os.Stderr, attr
	cmd.Env = append(os.Environ(), variable)
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	_ = cmd.Wait() // its exit code says it
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code, nil
	}
	return 1, nil // a signal ended it
}
