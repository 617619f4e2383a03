package demotest

import (
	"fmt"
	"os"
	"os/exec"
)

// programs is the environment variable that names the directory of what build made.
const programs = "KIBBLE_E2E_PROGRAMS"

// build compiles kibble and the demo's program (app) into a new directory.
func build() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "kibble-e2e-"); err != nil {
		return "", fmt.Errorf("make a directory for programs: %w", err)
	}
	command := exec.Command("go", "build", "-o", dir+"/", "./cmd/kibble", "./examples/hello-world/app")
	command.Dir = "../.." // the module of kibble
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return dir, nil
}
