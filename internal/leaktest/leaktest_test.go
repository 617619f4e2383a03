package leaktest

import (
	"testing"
	"time"
)

// leaving is tests that pass and leave a goroutine that ends after a while.
type leaving struct{ until chan struct{} }

func (l leaving) Run() int {
	go func() { <-l.until }()
	return 0
}

// A goroutine that takes longer to end than goleak waits is no leak.
func TestGoroutinesMayTakeTheirTime(t *testing.T) {
	until := make(chan struct{})
	time.AfterFunc(2*time.Second, func() { close(until) })
	if code := (Tests{leaving{until}}).Run(); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
}
