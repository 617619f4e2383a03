package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
)

// containerMemory is the environment variable that says how many bytes the container
// may take.
const containerMemory = "KIBBLE_CONTAINER_MEMORY"

// obeyContainer has the garbage collector work harder before the container's memory
// is all taken: a tenth is left for what Go does not count, such as what the kernel
// holds for connections. GOMEMLIMIT says otherwise. An error says that the variable is
// not a number.
func obeyContainer() error {
	text := os.Getenv(containerMemory)
	if text == "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	bytes, err := strconv.ParseInt(text, 10, 64)
	if err != nil || bytes <= 0 {
		return fmt.Errorf("%s is %q: want the bytes that the container may take", containerMemory, text)
	}
	debug.SetMemoryLimit(bytes / 10 * 9)
	return nil
}

// A control plane keeps much, and what a change leaves behind is little. So once
// the first configuration is there, when it is no longer time alone that counts,
// the heap grows by less than its own size between two collections: a large one by
// half, which costs next to nothing, and a small one by some tens of megabytes, lest
// every few changes wait for a collection. GOGC says otherwise.

// heapRoom is by how much a heap may grow in any case, in bytes, and leastGrowth the
// same in percent.
const (
	heapRoom    = 48 << 20
	leastGrowth = 50
)

// growth gives by how many percent a heap may grow of which live bytes are in use.
func growth(live uint64) int {
	return int(min(max(100*heapRoom/max(live, 1), leastGrowth), 100))
}

// keepMemoryLow sets the growth by what was in use at the last collection, if that
// makes a difference. Last is what it was set to before; it gives what it is now. The
// first time it is 0, and no collection has seen yet all that there is.
func keepMemoryLow(last int) int {
	switch {
	case os.Getenv("GOGC") != "":
		return last
	case last == 0:
		debug.SetGCPercent(leastGrowth)
		return leastGrowth
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	next := growth(live[0].Value.Uint64())
	if max(next, last)-min(next, last) < 10 {
		return last
	}
	debug.SetGCPercent(next)
	return next
}
