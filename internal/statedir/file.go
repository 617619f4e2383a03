package statedir

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Kind says what a file holds.
type Kind struct {
	// Name of the file, in lower case, without its ending.
	Name string
	// Version of the content's form. One of another version is ignored, so
	// raise it when older content would be misread, and only then.
	Version int
	// Most is how many bytes the content may have; default 64 MiB. Larger
	// content is not written.
	Most int
}

// defaultMost is Kind.Most where it is not said.
const defaultMost = 64 << 20

// maxHeader is how long the first line of a file may be.
const maxHeader = 4 << 10

// format is how a file of ours is known.
const format = "kibble.dev/state"

// header is the first line of a file. The content follows.
type header struct {
	Format  string    `json:"format"`
	Kind    string    `json:"kind"`
	Version int       `json:"version"`
	Written time.Time `json:"written"`
	SHA256  string    `json:"sha256"`
}

// File is one kind of content. It is safe for concurrent use.
type File struct {
	dir  *Dir
	kind Kind

	mu      sync.Mutex
	content func() any // nil: nothing new

	// Only the writer uses these.
	next   time.Time // not before
	sum    string    // of what is on the disk, "" if that is not known
	failed string    // how the last write failed
}

// File adds a kind to those that the directory keeps. Each is added once.
func (d *Dir) File(k Kind) *File {
	if k.Most <= 0 {
		k.Most = defaultMost
	}
	f := &File{dir: d, kind: k}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files = append(d.files, f)
	return f
}

func (f *File) name() string { return f.kind.Name + ".json" }

// Load reads into a pointer what was kept last, and says when it was written.
// ok is false where there is nothing that can be used; why is told. Then what
// the pointer leads to may be filled in part, and must not be used.
func (f *File) Load(into any) (written time.Time, ok bool) {
	h, body, err := f.read()
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return time.Time{}, false
	case err != nil:
		f.dir.metrics.ignored.WithLabelValues(f.kind.Name).Inc()
		f.dir.o.Logger.Warn("what was kept of an earlier run is ignored", "file", f.path(), "error", reason(err))
		return time.Time{}, false
	}
	return h.Written, true
}

func (f *File) path() string { return filepath.Join(f.dir.o.Path, f.name()) }

// read gives what a file holds that is whole and ours.
func (f *File) read() (h header, body []byte, err error) {
	file, err := os.Open(f.path())
	if err != nil {
		return h, nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil {
		return h, nil, err
	} else if !info.Mode().IsRegular() {
		return h, nil, errors.New("it is not a file")
	}
	most := f.kind.Most + maxHeader
	all, err := io.ReadAll(io.LimitReader(file, int64(most)+1))
	if err != nil {
		return h, nil, err
	}
	line, body, found := bytes.Cut(all, []byte("\n"))
	switch {
	case len(all) > most:
		return h, nil, fmt.Errorf("it has more than %d bytes", f.kind.Most)
	case !found || json.Unmarshal(line, &h) != nil || h.Format != format || h.Kind != f.kind.Name:
		return h, nil, fmt.Errorf("it is not a file of %s %q", format, f.kind.Name)
	case h.Version != f.kind.Version:
		return h, nil, fmt.Errorf("it has version %d, and this program reads version %d", h.Version, f.kind.Version)
	case h.SHA256 != digest(body):
		return h, nil, errors.New("it is damaged: its checksum is another")
	}
	return h, body, nil
}

// Put has Run write what content gives, which it calls when it comes to that:
// so content must be safe to call from another goroutine, and give something
// that JSON can say. Of several only the newest is called.
func (f *File) Put(content func() any) {
	f.mu.Lock()
	f.content = content
	f.dir.metrics.pending.WithLabelValues(f.kind.Name).Set(1)
	f.mu.Unlock()
	f.dir.wake()
}

func (f *File) waits() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.content != nil
}

func (f *File) take() func() any {
	f.mu.Lock()
	defer f.mu.Unlock()
	content := f.content
	f.content = nil
	return content
}

// flush writes what is new. What cannot be written is tried again later, unless
// there is something newer by then.
func (f *File) flush() {
	content := f.take()
	if content == nil {
		return
	}
	err := f.save(content())
	f.next = time.Now().Add(f.dir.o.Every)
	f.dir.metrics.wrote(f.kind.Name, err)
	if err == nil {
		f.settled()
		if f.failed != "" {
			f.dir.o.Logger.Info("what is learnt is kept again", "file", f.path())
		}
		f.failed = ""
		return
	}
	f.mu.Lock()
	if f.content == nil {
		f.content = content
	}
	f.mu.Unlock()
	if why := reason(err).Error(); why != f.failed {
		f.failed = why
		f.dir.o.Logger.Error("what is learnt cannot be kept on the disk; all else goes on", "file", f.path(), "error", why)
	}
}

// settled notes that what was put has been written, unless more was put meanwhile.
func (f *File) settled() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.content == nil {
		f.dir.metrics.pending.WithLabelValues(f.kind.Name).Set(0)
	}
}

// save writes content that is another than what is there.
func (f *File) save(content any) error {
	body, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("encode %s: %w", f.kind.Name, err)
	}
	if len(body) > f.kind.Most {
		return fmt.Errorf("it would have %d bytes, and may have %d", len(body), f.kind.Most)
	}
	now := f.dir.o.Now()
	sum := digest(body)
	if sum != f.sum {
		line, err := json.Marshal(header{Format: format, Kind: f.kind.Name, Version: f.kind.Version, Written: now.UTC(), SHA256: sum})
		if err != nil {
			return err
		}
		f.sum = ""
		if err := f.dir.replace(f.name(), line, []byte("\n"), body); err != nil {
			return err
		}
		f.sum = sum
	}
	f.dir.metrics.kept(f.kind.Name, now, len(body))
	return nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
