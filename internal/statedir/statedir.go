// Package statedir keeps what a control plane has learnt in files of one
// directory, so that the next one on this machine begins with it.
//
// Whoever wants to keep something takes a File of its own, with a Kind that says
// what it is and in which version it is written:
//
//	learnt := dir.File(statedir.Kind{Name: "learnt", Version: 1})
//	if when, ok := learnt.Load(&names); ok { ... }  // once, at the beginning
//	learnt.Put(func() any { return names })         // after each change; cheap
//
// What is kept is a help and never a need: a directory that cannot be written,
// a file that is damaged, too large, or of somebody else, is told (log and
// metrics) and ignored, and nothing waits for the disk. Content is JSON of at most Kind.Most bytes. It
// must hold no secrets, since whoever reads the disk reads it.
package statedir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options of a Dir. All but Path are optional.
type Options struct {
	// Path of the directory; it is made if it is not there.
	Path string
	// Every is the least time between two writes of one file; default 5 s.
	Every      time.Duration
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Now is the clock that files are dated by.
	Now func() time.Time
}

// Dir is a directory of such files. It is safe for concurrent use. Several
// processes may share one: of each file the last written counts.
type Dir struct {
	o       Options
	metrics *metrics
	news    chan struct{}

	mu    sync.Mutex
	files []*File
}

// Open takes a directory, and tells if it cannot be used. Nothing is written
// before Run.
func Open(o Options) *Dir {
	if o.Every <= 0 {
		o.Every = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Dir{o: o, metrics: newMetrics(o.Registerer), news: make(chan struct{}, 1)}
	if err := os.MkdirAll(o.Path, 0o700); err != nil {
		o.Logger.Error("the state directory cannot be made; what is learnt will not be kept", "directory", o.Path, "error", reason(err))
	}
	d.sweep()
	return d
}

// sweep takes away what a process left that ended while it was writing.
func (d *Dir) sweep() {
	entries, err := os.ReadDir(d.o.Path)
	if err != nil {
		return // told when something is to be written
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && strings.HasSuffix(e.Name(), unfinished) {
			_ = os.Remove(filepath.Join(d.o.Path, e.Name())) // only room is lost
		}
	}
}

// unfinished ends the names of files that are being written.
const unfinished = ".tmp"

// Run writes what is put, until ctx ends; then it writes what is left, and
// gives nil.
func (d *Dir) Run(ctx context.Context) error {
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	for ctx.Err() == nil {
		if pause, more := d.write(false); more {
			again.Reset(pause)
		}
		select {
		case <-ctx.Done():
		case <-d.news:
		case <-again.C:
		}
	}
	d.write(true)
	return nil
}

// write writes the files that have something new and were not written lately;
// at the end all that have. It gives the time until another one is due.
func (d *Dir) write(last bool) (pause time.Duration, more bool) {
	d.mu.Lock()
	files := d.files
	d.mu.Unlock()
	for _, f := range files {
		due := time.Until(f.next)
		if due <= 0 || last {
			f.flush()
			continue
		}
		if f.waits() && (!more || due < pause) {
			pause, more = due, true
		}
	}
	for _, f := range files { // those that failed, too
		if f.waits() && !more {
			pause, more = d.o.Every, true
		}
	}
	return pause, more
}

// wake has Run look at the files.
func (d *Dir) wake() {
	select {
	case d.news <- struct{}{}:
	default: // it will anyway
	}
}

// replace writes a file as a whole or not at all, also when the machine stops
// meanwhile.
func (d *Dir) replace(name string, parts ...[]byte) (err error) {
	if err := os.MkdirAll(d.o.Path, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(d.o.Path, "."+name+"-*"+unfinished)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // what can be done about a disk that fails
		}
	}()
	for _, part := range parts {
		if _, err := f.Write(part); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(d.o.Path, name)); err != nil {
		return err
	}
	parent, err := os.Open(d.o.Path)
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

// reason takes the path off an error that is told beside it.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", p.Op, p.Err)
	}
	return err
}
