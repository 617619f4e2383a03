package discovery

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mount makes what a mounted ConfigMap looks like, or changes it, as the
// kubelet does: by swapping one link.
func mount(t *testing.T, dir, version string, files ...string) {
	t.Helper()
	data := filepath.Join(dir, "..data")
	old, _ := os.Readlink(data)
	stamp := "..2026_" + version
	must(t, os.Mkdir(filepath.Join(dir, stamp), 0o755))
	for _, name := range files {
		write(t, filepath.Join(dir, stamp, name), dtabYAML(strings.TrimSuffix(name, ".yaml"), version))
	}
	must(t, os.Symlink(stamp, data+"_tmp"))
	must(t, os.Rename(data+"_tmp", data))
	for _, name := range files {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
	if old != "" {
		must(t, os.RemoveAll(filepath.Join(dir, old)))
	}
}

func TestFilesSeesAConfigMapChangeAsAWhole(t *testing.T) {
	dir := t.TempDir()
	files := []string{"a.yaml", "b.yaml", "c.yaml"}
	mount(t, dir, "0", files...)
	w := watch(t, Files{Path: dir, Quiet: time.Millisecond, MaxDelay: time.Millisecond})
	whole := func(u Update) {
		t.Helper()
		if len(u.Findings) > 0 {
			t.Errorf("there is something to say:\n%s", lines(u.Findings))
		}
		for _, d := range u.Inventory.Dtabs {
			if d.Object.Spec.Dtab != u.Inventory.Dtabs[0].Object.Spec.Dtab || len(u.Inventory.Dtabs) != len(files) {
				t.Fatalf("old and new together: %s", tables(u))
			}
		}
	}
	w.untilTables("a=0 b=0 c=0")
	for i := 1; i <= 50; i++ {
		mount(t, dir, strconv.Itoa(i), files...)
	}
	w.until("the last version", func(u Update) bool { whole(u); return tables(u) == "a=50 b=50 c=50" })
	mount(t, dir, "51", files...)
	w.until("another version", func(u Update) bool { whole(u); return tables(u) == "a=51 b=51 c=51" })
}

func TestFilesFollowsLinks(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	mount(t, elsewhere, "1", "far.yaml")
	must(t, os.Symlink(filepath.Join(elsewhere, "far.yaml"), filepath.Join(dir, "near.yaml")))
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	must(t, os.Symlink("..", filepath.Join(dir, "sub", "circle")))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "sub", "dangling.yaml")))
	w := watch(t, Files{Path: dir})
	w.untilTables("far=1")
	if got := lines(w.last.Findings); !strings.Contains(got, "dangling.yaml: error: this is a link that leads nowhere") {
		t.Errorf("got %s", got)
	}
	mount(t, elsewhere, "2", "far.yaml")
	w.untilTables("far=2")
}
