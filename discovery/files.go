package discovery

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/fsnotify/fsnotify"

	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// Update is what Files has found: all facts, and what there is to say about the
// files they come from, sorted by place.
type Update struct {
	Inventory *translate.Inventory
	Findings  []dtab.Finding
	// Objects are those of ours that a cluster has, sound or not, sorted.
	Objects []Object
	// Kept are those of ours that went with their CustomResourceDefinition, and
	// are in the Inventory as they were, sorted and without generation.
	Kept []Object
}

// Object names an object of ours in a cluster, in the form that was read.
type Object struct {
	Kind, Namespace, Name string
	Generation            int64
	// UID is that of its object in the cluster: one that was made anew is another.
	UID string `json:",omitempty"`
}

// Files watches manifests: a directory with all directories in it, or one file,
// read as by ReadDir. It serves what is sound: a file that gets an error keeps
// what it held before, and so does one that becomes empty, which editors do on
// their way. The objects of a deleted file go. A mounted ConfigMap changes as
// a whole.
type Files struct {
	// Path of the directory or file.
	Path string
	// Deliver is given the first Update as soon as everything was read, and then
	// one for each change. It is called from Run, one call at a time; what changes
	// while it runs comes with the next call. It must not change the Update.
	Deliver func(Update)
	// Quiet is how long the files must have been at rest before they are read;
	// default 30 ms.
	Quiet time.Duration
	// MaxDelay is how long a change waits at most if they never are; default 300 ms.
	MaxDelay time.Duration
	// LastGood is what was served before this process began, nil if that is not
	// known. A file that has an error when it is read first keeps the objects of
	// ours that it had there.
	LastGood *translate.Inventory
}

// Run watches until ctx ends; then it gives nil. An error says that the path
// cannot be read at the beginning, or that the machine cannot watch files.
func (f *Files) Run(ctx context.Context) error {
	raw, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", f.Path, err)
	}
	defer func() { _ = raw.Close() }() // nothing is lost with it
	w := &watcher{Watcher: raw}
	d := newDirectory(f.Path)
	d.manifests.recalled = recallFiles(f.LastGood)
	last, err := read(w, d)
	if err != nil {
		return fmt.Errorf("read manifests: %w", err)
	}
	f.Deliver(last)
	for f.wait(ctx, w) {
		// The error is among the findings.
		next, _ := read(w, d)
		if next.Inventory != last.Inventory || !reflect.DeepEqual(next.Findings, last.Findings) {
			last = next
			f.Deliver(last)
		}
	}
	return nil
}

// maxRounds bounds how often directories may appear while they are read.
const maxRounds = 10

// read brings a directory up to date. It reads again whenever it has come to
// watch more than before, so that no change falls between reading and watching.
func read(w *watcher, d *directory) (Update, error) {
	for round := 1; ; round++ {
		list, err := d.refresh()
		more, found := w.follow(list)
		if !more || round == maxRounds {
			return Update{Inventory: d.store.inventory(), Findings: dtab.SortFindings(append(found, d.findings()...))}, err
		}
	}
}

// wait returns true when something may have changed and has come to rest.
func (f *Files) wait(ctx context.Context, w *watcher) bool {
	quiet, limit := f.Quiet, f.MaxDelay
	if quiet <= 0 {
		quiet = 30 * time.Millisecond
	}
	if limit <= 0 {
		limit = 300 * time.Millisecond
	}
	var rest, end <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return false
		case <-rest:
			return true
		case <-end:
			return true
		case e := <-w.Events:
			if !w.matters(e) {
				continue
			}
		case _, open := <-w.Errors:
			// Most likely too many events at once, and some are lost: look again.
			if !open {
				return false
			}
		}
		rest = time.After(quiet)
		if end == nil {
			end = time.After(limit)
		}
	}
}
