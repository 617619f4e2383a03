package discovery

import (
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"kibble.dev/dtab"
	"kibble.dev/internal/bounds"
	"kibble.dev/translate"
)

// directory is a directory of manifests (or one file), and the directories of
// endpoint files that its Routers name.
type directory struct {
	root string
	// base is what a rootDir is relative to.
	base      string
	bounds    bounds.Bounds
	store     *store
	manifests shelf[[]object]
	endpoints map[string]*shelf[*translate.File]
	// keyFiles are the files of keys that policies name, by the path as the policy
	// writes it, with what they held when they could be read last.
	keyFiles map[string]translate.KeyFile
	// rootDirs says what is wrong with directories of endpoint files.
	rootDirs []dtab.Finding
	// lost says that the root cannot be read any more.
	lost []dtab.Finding
}

func newDirectory(root string) *directory {
	d := &directory{root: root, base: root, store: newStore(), endpoints: map[string]*shelf[*translate.File]{}}
	d.manifests = shelf[[]object]{parse: d.parse, merge: overlay, needsText: true, files: map[string]*kept[[]object]{}}
	return d
}

// overlay gives the objects of both, and of those that are in both the newer.
func overlay(before, now []object) []object {
	all := slices.Clone(now)
	for _, o := range before {
		if !slices.ContainsFunc(now, func(n object) bool { return n.id == o.id }) {
			all = append(all, o)
		}
	}
	return all
}

// isManifest tells by a file's name whether it is read for objects. Tests stand
// beside them.
func isManifest(name string) bool { return hasObjects(name) && !IsTests(name) }

func hasObjects(name string) bool {
	switch filepath.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// IsTests tells by a file's name that it holds tests for tables, and no objects.
func IsTests(name string) bool {
	return strings.HasSuffix(name, ".test.yaml") || strings.HasSuffix(name, ".test.yml")
}

// refresh reads what has changed and says where to watch for more. With an
// error, the root itself cannot be read; then all stays as it was.
func (d *directory) refresh() (watchList, error) {
	snap, err := take(d.root, selection{match: isManifest, deep: true})
	if err != nil {
		d.lost = []dtab.Finding{{
			Code: codeFile, Severity: dtab.Error, Pos: dtab.Pos{Source: d.root},
			Message: fmt.Sprintf("this cannot be read: %s; what was read last stays in use", reason(err)),
		}}
		return snap.watch, err
	}
	d.lost, d.base = nil, d.root
	if _, file := snap.files[d.root]; file {
		d.base = filepath.Dir(d.root)
	}
	for _, path := range d.manifests.update(snap) {
		var objects []object
		if k := d.manifests.files[path]; k != nil {
			objects = k.value
		}
		d.store.set(path, objects)
	}
	d.refreshEndpoints(snap.watch)
	d.refreshKeys(snap.watch)
	return snap.watch, nil
}

// refreshEndpoints reads the directories that Routers name in namers of kind
// io.l5d.fs, and adds where to watch.
func (d *directory) refreshEndpoints(watch watchList) {
	d.rootDirs = nil
	wanted := map[string]bool{}
	changed := false
	for _, r := range d.store.routers() {
		for i, n := range r.Object.Spec.Namers {
			if n.RootDir == "" || wanted[n.RootDir] {
				continue
			}
			wanted[n.RootDir] = true
			other, err := d.rootDir(n.RootDir, watch)
			changed = changed || other
			if err != nil {
				d.rootDirs = append(d.rootDirs, dtab.Finding{
					Code: codeRootDir, Severity: dtab.Warning, Message: err.Error(), Hint: "make the directory, or mend rootDir",
					Pos: r.Origin.Field(fmt.Sprintf("spec.namers[%d].rootDir", i)).At(1, 1),
				})
			}
		}
	}
	for name := range d.endpoints {
		if !wanted[name] {
			delete(d.endpoints, name)
			changed = true
		}
	}
	if changed {
		d.store.setFiles(d.endpointFiles())
	}
}

// path gives a path as it is written in an object, from where Kibble runs.
func (d *directory) path(written string) string {
	if filepath.IsAbs(written) {
		return written
	}
	return filepath.Join(d.base, written)
}

// rootDir reads one directory of endpoint files and tells whether anything in
// it is new.
func (d *directory) rootDir(name string, watch watchList) (changed bool, err error) {
	files := d.endpoints[name]
	if files == nil {
		files = &shelf[*translate.File]{
			parse: parseEndpoints, files: map[string]*kept[*translate.File]{},
			merge: func(_, now *translate.File) *translate.File { return now },
		}
		d.endpoints[name] = files
		changed = true
	}
	path := d.path(name)
	snap, err := take(path, selection{match: func(name string) bool { return !hasObjects(name) }})
	watch.add(snap.watch)
	if err != nil {
		return changed, fmt.Errorf("%s cannot be read: %w", path, reason(err))
	}
	if _, file := snap.files[path]; file {
		return changed, fmt.Errorf("%s is not a directory", path)
	}
	return len(files.update(snap)) > 0 || changed, nil
}

// endpointFiles gives what the inventory should have, made of what it has where
// nothing is new.
func (d *directory) endpointFiles() map[string]map[string]*translate.File {
	all := map[string]map[string]*translate.File{}
	for name, shelf := range d.endpoints {
		before := d.store.last.Files[name]
		now := map[string]*translate.File{}
		for path, k := range shelf.files {
			file := filepath.Base(path)
			now[file] = k.value
			if old := before[file]; reflect.DeepEqual(old, k.value) {
				now[file] = old
			}
		}
		all[name] = now
		if before != nil && maps.Equal(before, now) {
			all[name] = before
		}
	}
	return all
}

// findings gives what there is to say, sorted by place.
func (d *directory) findings() []dtab.Finding {
	all := slices.Concat(d.lost, d.rootDirs, d.withoutKeys(d.manifests.findings()), d.store.duplicates())
	for _, shelf := range d.endpoints {
		all = append(all, shelf.findings()...)
	}
	return dtab.SortFindings(all)
}
