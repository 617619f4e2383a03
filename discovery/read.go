package discovery

import (
	"fmt"
	"io"
	"io/fs"
	"os"

	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// ReadDir reads the manifests of a directory, and of all directories in it, or
// one file, once. Files are those that end in .yaml, .yml and .json; hidden
// ones, and those of tests, are left out. The findings, sorted by place, name every object that is
// left out and why. The error says that the path itself cannot be read. A pipe,
// such as a shell makes of <(COMMAND), is read as a stream.
func ReadDir(path string) (*translate.Inventory, []dtab.Finding, error) {
	if info, err := os.Stat(path); err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
		pipe, err := os.Open(path)
		if err != nil {
			return nil, nil, fmt.Errorf("read manifests: %w", err)
		}
		defer pipe.Close()
		return ReadStream(path, pipe)
	}
	d := newDirectory(path)
	if _, err := d.refresh(); err != nil {
		return nil, nil, fmt.Errorf("read manifests: %w", err)
	}
	return d.store.inventory(), d.findings(), nil
}

// ReadStream reads manifests from a stream; name is what findings call it.
// A rootDir in them is relative to the working directory.
func ReadStream(name string, r io.Reader) (*translate.Inventory, []dtab.Finding, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", name, err)
	}
	d := newDirectory(".")
	objects, found := d.parse(name, data)
	d.store.set(name, objects)
	d.refreshEndpoints(watchList{})
	d.refreshKeys(watchList{})
	return d.store.inventory(), dtab.SortFindings(append(found, d.findings()...)), nil
}
