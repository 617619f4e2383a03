package discovery

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fsnotify/fsnotify"

	"kibble.dev/dtab"
)

// watchList says where to look for changes: real directories, each with the
// names that matter in it. Directories are watched rather than files, because
// editors and mounts replace files.
type watchList map[string]names

// names matter in a directory; nil: all.
type names map[string]bool

// all adds a directory, every entry of which matters.
func (l watchList) all(dir string) {
	if abs, err := filepath.Abs(dir); err == nil {
		l[abs] = nil
	}
}

// name adds one entry of a directory, or of the nearest one above that is there.
func (l watchList) name(dir, name string) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return
	}
	for {
		resolved, err := filepath.EvalSymlinks(dir)
		if err == nil {
			dir = resolved
			break
		}
		if dir == filepath.Dir(dir) {
			return
		}
		dir, name = filepath.Dir(dir), filepath.Base(dir)
	}
	known, there := l[dir]
	if there && known == nil {
		return
	}
	if known == nil {
		known = names{dataLink: true}
		l[dir] = known
	}
	known[name] = true
}

// add takes over another list.
func (l watchList) add(other watchList) {
	for dir, names := range other {
		if names == nil {
			l[dir] = nil
		}
		for name := range names {
			l.name(dir, name)
		}
	}
}

// watcher follows a watchList as it changes.
type watcher struct {
	*fsnotify.Watcher
	list watchList
}

// follow watches what a list says, and nothing else. It tells whether
// directories have come in that were not watched before: what happened in them
// until now may have been missed.
func (w *watcher) follow(list watchList) (more bool, found []dtab.Finding) {
	w.list = list
	watched := map[string]bool{}
	for _, dir := range w.WatchList() {
		watched[dir] = true
		if _, wanted := list[dir]; !wanted {
			// An error says that it is not watched any more: what was wanted.
			_ = w.Remove(dir)
		}
	}
	for dir := range list {
		if watched[dir] {
			continue
		}
		switch err := w.Add(dir); {
		case err == nil:
			more = true
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, os.ErrPermission):
			found = append(found, dtab.Finding{
				Code: codeWatch, Severity: dtab.Warning, Pos: dtab.Pos{Source: dir},
				Message: "changes here are not seen: " + err.Error(), Hint: "raise fs.inotify.max_user_watches, then restart",
			})
		}
	}
	return more, found
}

// matters tells whether an event can be a change of what was read.
func (w *watcher) matters(e fsnotify.Event) bool {
	if _, itself := w.list[e.Name]; itself {
		return true
	}
	names, ok := w.list[filepath.Dir(e.Name)]
	return ok && (names == nil || names[filepath.Base(e.Name)])
}
