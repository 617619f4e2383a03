// Package bench_test measures Kibble beside something that does the same job,
// in the same run on the same machine, so that what counts are ratios.
//
// Without -full the parts run at a tiny size, with no look at the numbers: so
// that they go on working. `make bench` gives -full; docs/operations/performance.md says
// what it printed.
package bench_test

import (
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Sizes, for -full; see TestMain for what they are otherwise.
var (
	full          = flag.Bool("full", false, "measure; without it everything runs at a tiny size")
	systems       = flag.String("systems", "raw,linear,kibble", "TestControlPlane: which control planes")
	services      = flag.Int("services", 1000, "TestControlPlane/change: Services")
	clientCounts  = flag.String("clients", "1,50,200", "TestControlPlane/change: numbers of clients")
	changeCount   = flag.Int("changes", 100, "TestControlPlane/change: changes of each kind in a round")
	rounds        = flag.Int("rounds", 1, "rounds: each system has its turn in each")
	serviceCounts = flag.String("cold", "1000,5000", "TestControlPlane/start: numbers of Services")
	startCount    = flag.Int("starts", 3, "TestControlPlane/start: how often each system starts")
	turn          = flag.Duration("turn", 3*time.Second, "TestDataPlane: how long one side has load at a time; whole seconds")
	turns         = flag.Int("turns", 3, "TestDataPlane: how often each pair of turns, ABBA, is repeated")
	many          = flag.Int("many", 50, "TestControlPlane/start: clients with which the memory is measured")
)

const (
	endpoints = 10 // of each Service
	warmUp    = 5  // changes that are not counted
	// pause lies between two changes, and settle before a series of them.
	pause  = 20 * time.Millisecond
	settle = time.Second
)

func TestMain(m *testing.M) {
	flag.Parse()
	if !*full {
		*services, *clientCounts, *changeCount = 6, "1,2", 2
		*serviceCounts, *startCount, *many = "6,8", 1, 2
	}
	os.Exit(m.Run())
}

// counts reads a list of numbers, in order.
func counts(t *testing.T, list string) []int {
	t.Helper()
	var all []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("%q: want numbers above 0 with commas between them", list)
		}
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}
