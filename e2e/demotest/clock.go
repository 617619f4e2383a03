package demotest

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A process cannot be given a clock of its own: Linux has namespaces for the time
// since it was started only, Go asks no library for the time, and the machine's
// clock is everybody's. So a control plane with a clock of its own is built with
// one more line in time.Now, and sees what a process sees whose machine's clock is
// set: all that it does by the time of day, in whatever library, does it by the
// other time, and what it measures otherwise goes on.
const (
	clockFile = "KIBBLE_TEST_CLOCK" // names the file that says by how many seconds it differs
	timeNow   = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	clockPart = `
var aheadBy = sync.OnceValue(func() *int64 {
	if name, ok := syscall.Getenv("` + clockFile + `"); ok {
		if file, err := syscall.Open(name, syscall.O_RDONLY, 0); err == nil {
			if page, err := syscall.Mmap(file, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED); err == nil {
				return (*int64)(unsafe.Pointer(&page[0]))
			}
		}
	}
	panic("` + clockFile + ` does not name a file of 8 bytes")
})
`
)

// clockOfItsOwn has the control planes that are started from now on be such ones.
func (l *Lab) clockOfItsOwn() {
	l.Helper()
	root, err := exec.CommandContext(l.Context(), "go", "env", "GOROOT").Output()
	l.Must(err)
	path := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source := string(l.readFile(path))
	if strings.Count(source, timeNow) != 1 {
		l.Fatalf("%s does not hold %q once: say in timeNow how Go asks for the time now", path, timeNow)
	}
	source = strings.Replace(source, timeNow, timeNow+"\tsec += *aheadBy()\n", 1)
	source = strings.Replace(source, `_ "unsafe"`, "\"sync\"\n\t\"syscall\"\n\t\"unsafe\"", 1) + clockPart
	dir := l.TempDir()
	l.Must(os.WriteFile(filepath.Join(dir, "time.go"), []byte(source), 0o600))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{path: filepath.Join(dir, "time.go")}})
	l.Must(err)
	l.buildOver(dir, overlay)
	l.clock = filepath.Join(l.dir, "clock")
	l.SetClock(0)
}

// SetClock sets the clock of the last control plane, if it was given one of its
// own, ahead of the machine's, or back.
func (l *Lab) SetClock(ahead time.Duration) {
	l.Helper()
	f, err := os.OpenFile(l.clock, os.O_CREATE|os.O_WRONLY, 0o600)
	l.Must(err)
	_, err = f.Write(binary.NativeEndian.AppendUint64(nil, uint64(ahead/time.Second))) // in place: it is mapped
	l.Must(err)
	l.Must(f.Close())
}
