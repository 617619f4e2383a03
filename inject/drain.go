package inject

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// maxDrain is the longest time that somebody may ask for, in seconds.
const maxDrain = 3600

// drainFor gives the seconds that containers of a pod go on when it ends: what
// was asked for, and no more than half of the time in which it has to end.
func (t tuned) drainFor(spec map[string]any) int {
	grace := 30 // Kubernetes' own
	if given, err := strconv.Atoi(fmt.Sprint(spec["terminationGracePeriodSeconds"])); err == nil {
		grace = given
	}
	return min(t.drain, grace/2)
}

// withDrain has containers wait before they are told to end, by a hook: those
// who call the pod do not know at once that it ends, and an application that
// stops listening before they do refuses them. Hooks of others are left alone;
// last is what an earlier injection set, and that is replaced.
func withDrain(containers []any, now, last int) []any {
	out := slices.Clone(containers)
	for i, c := range out {
		m, ok := c.(map[string]any)
		if !ok {
			continue
		}
		lifecycle := clone(m["lifecycle"])
		if last > 0 && isSleep(lifecycle["preStop"], last) {
			delete(lifecycle, "preStop")
		}
		if now > 0 && lifecycle["preStop"] == nil {
			lifecycle["preStop"] = map[string]any{"sleep": map[string]any{"seconds": now}}
		}
		m = maps.Clone(m)
		m["lifecycle"] = lifecycle
		if len(lifecycle) == 0 {
			delete(m, "lifecycle")
		}
		out[i] = m
	}
	return out
}

// isSleep says that a hook sleeps so many seconds, and does nothing else.
func isSleep(hook any, seconds int) bool {
	m, _ := hook.(map[string]any)
	sleep, _ := m["sleep"].(map[string]any)
	return len(m) == 1 && len(sleep) == 1 && fmt.Sprint(sleep["seconds"]) == strconv.Itoa(seconds)
}
