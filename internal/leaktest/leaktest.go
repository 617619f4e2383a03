// Package leaktest sees that the tests of a package leave no goroutine behind.
package leaktest

import (
	"fmt"
	"os"
	"time"

	"go.uber.org/goleak"
)

// limit is how long goroutines may take to end that have nothing left to do. On
// a machine with other work that can be longer than goleak waits by itself.
const limit = 30 * time.Second

// Main runs the tests of a package (a *testing.M) and ends the process: as
// failed if they did, or left goroutines behind.
func Main(tests runner) { os.Exit(Tests{tests}.Run()) }

// runner runs tests, and gives the exit code.
type runner interface{ Run() int }

// Tests are the tests of a package, which fail if they leave goroutines behind:
// for whoever is to run them.
type Tests struct{ Of runner }

// Run runs them and gives the exit code.
func (t Tests) Run() int {
	code := t.Of.Run()
	if code != 0 {
		return code
	}
	if err := find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// find gives an error if goroutines are left and do not end.
func find() (err error) {
	for late := time.Now().Add(limit); time.Now().Before(late); {
		if err = goleak.Find(); err == nil {
			return nil
		}
	}
	return err
}
