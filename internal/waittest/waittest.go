// Package waittest waits in tests for what must come.
package waittest

import (
	"errors"
	"testing"
	"time"
)

// limit is for a machine that has much else to do: what comes, comes sooner.
const limit = 2 * time.Minute

// Until returns when a condition holds. If it does not in time, the test ends.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	Done(t, what, func() error {
		if !holds() {
			return errors.New("it does not happen")
		}
		return nil
	})
}

// Done returns when there is no error any more. If there still is after long, the test ends
// and says it.
func Done(t testing.TB, what string, try func() error) {
	t.Helper()
	pause := time.Millisecond
	for late := time.Now().Add(limit); ; pause = min(2*pause, 20*time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("waited until %s: %v", what, err)
		}
		time.Sleep(pause)
	}
}
