package main

import "testing"

func TestGrowth(t *testing.T) {
	for live, want := range map[uint64]int{0: 100, 1 << 20: 100, 48 << 20: 100, 64 << 20: 75, 96 << 20: 50, 1 << 40: 50} {
		if got := growth(live); got != want {
			t.Errorf("a heap of %d bytes grows by %d %%, want %d", live, got, want)
		}
	}
}
