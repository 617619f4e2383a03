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

// MainSix does so too.
func MainSix(m *testing.M) int { return Main(m) }

// SmallDisk is for Linux only.
func (l *Lab) SmallDisk(string, int) (end func()) {
	l.Helper()
	l.Fatal("mounts are for Linux only")
	return nil
}

// MigrateConnections does nothing elsewhere.
func (l *Lab) MigrateConnections() (end func()) { return func() {} }
