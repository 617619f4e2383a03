package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"kibble.dev/internal/golden"
	"kibble.dev/internal/leaktest"
)

func TestMain(m *testing.M) {
	testscript.Main(leaktest.Tests{Of: m}, map[string]func(){"kibble": main, pluginName: main, completeName: main})
}

// TestScripts runs the commands as people do.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Cmds: commands(), UpdateScripts: golden.Update(), Setup: func(e *testscript.Env) error {
		return copyManifests(filepath.Join(e.WorkDir, "hello-world"))
	}})
}

// commands are those that scripts have besides testscript's own.
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		// exits CODE command...: the command ends with this code.
		"exits": func(ts *testscript.TestScript, _ bool, args []string) {
			var exit *exec.ExitError
			code := "0"
			if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
				code = strconv.Itoa(exit.ExitCode())
			} else {
				ts.Check(err)
			}
			if code != args[0] {
				ts.Fatalf("exit code %s, want %s", code, args[0])
			}
			if strings.Contains(ts.ReadFile("stderr"), "goroutine ") {
				ts.Fatalf("it panicked")
			}
		},
	}
}

// copyManifests gives a script the demo's objects.
func copyManifests(to string) error {
	files, err := filepath.Glob("../../examples/hello-world/*.yaml")
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, filepath.Base(f)), b, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
