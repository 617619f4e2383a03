//go:build !linux

package envoytest

import "testing"

// reserve is for Linux only; elsewhere two tests may be given one port.
func reserve(testing.TB, int) bool { return true }
