package parallel_test

import (
	"sync/atomic"
	"testing"

	"kibble.dev/internal/parallel"
)

// Each number comes once, and none is left when Each returns.
func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1000} {
		calls := make([]atomic.Int32, n)
		parallel.Each(n, func(i int) { calls[i].Add(1) })
		for i := range calls {
			if got := calls[i].Load(); got != 1 {
				t.Errorf("of %d, number %d came %d times", n, i, got)
			}
		}
	}
}
