package envoytest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// CPUTime is what a process has used, in user and system mode, in ticks of a
// hundredth of a second (proc(5), stat); 0 where there is no /proc.
func CPUTime(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
