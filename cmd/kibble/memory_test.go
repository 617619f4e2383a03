package main

import (
	"runtime/debug"
	"testing"
)

func TestGrowth(t *testing.T) {
	for live, want := range map[uint64]int{0: 100, 1 << 20: 100, 48 << 20: 100, 64 << 20: 75, 96 << 20: 50, 1 << 40: 50} {
		if got := growth(live); got != want {
			t.Errorf("a heap of %d bytes grows by %d %%, want %d", live, got, want)
		}
	}
}

func TestContainerMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	for _, test := range []struct {
		container, limit string
		want             int64
		wrong            bool
	}{
		{container: "1000000000", want: 900_000_000},
		{container: "1000000000", limit: "5MiB", want: before},
		{want: before},
		{container: "1Gi", want: before, wrong: true},
		{container: "-1", want: before, wrong: true},
	} {
		debug.SetMemoryLimit(before)
		t.Setenv(containerMemory, test.container)
		t.Setenv("GOMEMLIMIT", test.limit)
		err := obeyContainer()
		if got := debug.SetMemoryLimit(-1); got != test.want || (err != nil) != test.wrong {
			t.Errorf("%+v: the limit is %d, error %v", test, got, err)
		}
	}
}
