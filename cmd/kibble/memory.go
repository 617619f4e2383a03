package main

import (
	"os"
	"runtime/debug"
)

// keepMemoryLow has the heap grow by half of what is in use between two
// collections, in place of all of it. What a control plane keeps is large and
// lives long, and what a change leaves behind is little: so memory is what
// counts, and more collections cost next to nothing. That is not so before the
// first configuration, when it is time that counts. GOGC says otherwise.
func keepMemoryLow() {
	const growth = 50 // percent
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
}
