package envoytest

import (
	"fmt"
	"net"
	"testing"
)

// reserve keeps a port from other tests until this one ends, and tells whether
// none of them has it. What is reserved is a name of Linux's, which goes with
// the process that has it, and is another one in another network.
func reserve(t testing.TB, port int) bool {
	t.Helper()
	l, err := net.Listen("unix", fmt.Sprintf("@kibble.dev/envoytest/%d", port))
	if err != nil {
		return false
	}
	t.Cleanup(func() { l.Close() })
	return true
}
