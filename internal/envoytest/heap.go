package envoytest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Heap is how much of its memory an Envoy believes to have used, so that what it does
// then is met exactly: a share, such as 0.5.
type Heap struct {
	t    testing.TB
	file string
}

// NewHeap begins with a share.
func NewHeap(t testing.TB, used string) *Heap {
	t.Helper()
	h := &Heap{t: t, file: filepath.Join(t.TempDir(), "used")}
	h.Use(used)
	return h
}

// Use is another share from now on; Envoy looks four times a second.
func (h *Heap) Use(share string) {
	h.t.Helper()
	if err := os.WriteFile(h.file+".new", []byte(share), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(h.file+".new", h.file); err != nil {
		h.t.Fatal(err)
	}
}

// Of has a bootstrap of Kibble's with a bound of the heap believe it.
func (h *Heap) Of(bootstrap string) string {
	h.t.Helper()
	const monitor = "  - name: envoy.resource_monitors.fixed_heap\n    typed_config:\n"
	before, after, ok := strings.Cut(bootstrap, monitor)
	lines := strings.SplitAfterN(after, "\n", 3) // the type, how much there is, and the rest
	if !ok || len(lines) < 3 || !strings.Contains(lines[1], "max_heap_size_bytes") {
		h.t.Fatal("the bootstrap measures the heap in another way")
	}
	bootstrap = before + monitor + fmt.Sprintf("      \"@type\": type.googleapis.com/envoy.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig\n"+
		"      filename: %q\n", h.file) + lines[2]
	return strings.ReplaceAll(bootstrap, "envoy.resource_monitors.fixed_heap", "envoy.resource_monitors.injected_resource")
}
