package discovery

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// snapshot is what the files below a path held at one moment.
type snapshot struct {
	// files by path, below the root as the user wrote it.
	files map[string][]byte
	// failed holds the files and directories that could not be read.
	failed map[string]error
	// watch is where changes show.
	watch watchList
}

// selection says which files below a root are wanted.
type selection struct {
	// match is asked for the base name.
	match func(name string) bool
	// deep: those of directories below, too.
	deep bool
}

// dataLink is the symbolic link that Kubernetes swaps when a mounted ConfigMap
// changes: every file of the mount is a link through it.
const dataLink = "..data"

// maxRetakes bounds how often a mount may change while it is read.
const maxRetakes = 20

// take reads a directory, or one file (then whatever its name). Hidden entries
// are left out; symbolic links are followed. If a ConfigMap mount is swapped
// meanwhile, everything is read again, so that old and new files never mix. The
// error says that the root itself cannot be read.
func take(root string, want selection) (snapshot, error) {
	for try := 0; ; try++ {
		t := &taking{want: want, links: map[string]string{}, snapshot: snapshot{
			files: map[string][]byte{}, failed: map[string]error{}, watch: watchList{},
		}}
		err := t.root(root)
		if !t.swapped() || try == maxRetakes {
			return t.snapshot, err
		}
	}
}

type taking struct {
	snapshot
	want selection
	// links are the data links seen, and where they led.
	links map[string]string
	// above are the real directories that are being read, against circles of links.
	above []string
}

func (t *taking) swapped() bool {
	for link, target := range t.links {
		if now, err := os.Readlink(link); err != nil || now != target {
			return true
		}
	}
	return false
}

func (t *taking) root(root string) error {
	t.watch.name(filepath.Dir(filepath.Clean(root)), filepath.Base(root))
	t.link(root)
	info, err := os.Stat(root)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		t.file(root, info)
		return t.failed[root]
	}
	t.directory(root)
	return t.failed[root]
}

func (t *taking) directory(dir string) {
	resolved, err := filepath.EvalSymlinks(dir)
	if err == nil && slices.Contains(t.above, resolved) {
		return
	}
	var entries []fs.DirEntry
	if err == nil {
		t.watch.all(resolved)
		entries, err = os.ReadDir(dir)
	}
	if err != nil {
		t.failed[dir] = err
		return
	}
	t.above = append(t.above, resolved)
	defer func() { t.above = t.above[:len(t.above)-1] }()
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.Name() == dataLink {
			if target, err := os.Readlink(path); err == nil {
				t.links[path] = target
			}
		}
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		t.entry(path, e)
	}
}

func (t *taking) entry(path string, e fs.DirEntry) {
	if e.Type()&fs.ModeSymlink == 0 && !e.IsDir() && !t.want.match(e.Name()) {
		return
	}
	t.link(path)
	info, err := os.Stat(path)
	switch {
	case err != nil:
		if t.want.match(e.Name()) && !gone(path) {
			t.failed[path] = err
		}
	case info.IsDir() && t.want.deep:
		t.directory(path)
	case !info.IsDir() && t.want.match(e.Name()):
		t.file(path, info)
	}
}

func (t *taking) file(path string, info fs.FileInfo) {
	if !info.Mode().IsRegular() {
		t.failed[path] = &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
		return
	}
	data, err := os.ReadFile(path)
	switch {
	case err == nil:
		t.files[path] = data
	case !gone(path):
		t.failed[path] = err
	}
}

// gone tells whether not even a dangling link is left at a path.
func gone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// maxLinks is how many symbolic links in a row are followed.
const maxLinks = 20

// link watches the places that a symbolic link leads through.
func (t *taking) link(path string) {
	for range maxLinks {
		target, err := os.Readlink(path)
		if err != nil {
			return
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
		t.watch.name(filepath.Dir(path), filepath.Base(path))
	}
}
