//go:build !linux

package demotest

import (
	"fmt"
	"os"
	"testing"
)

// Main skips the tests: they need a network namespace, which only Linux has.
func Main(*testing.M) int {
	fmt.Fprintln(os.Stderr, "skipped: the pods of these tests need a network namespace of their own, which only Linux has")
	return 0
}
