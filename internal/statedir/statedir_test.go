package statedir

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kibble.dev/internal/leaktest"
	"kibble.dev/internal/logtest"
	"kibble.dev/internal/waittest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func open(t *testing.T, path string) (*Dir, *logtest.Log) {
	t.Helper()
	var l logtest.Log
	return Open(Options{Path: path, Every: time.Millisecond, Logger: slog.New(slog.NewTextHandler(&l, nil))}), &l
}

// run runs a directory until the end that is given is called.
func run(t *testing.T, d *Dir) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// keep writes a value to a file of a kind, in a run of its own.
func keep(t *testing.T, path string, k Kind, value any) {
	t.Helper()
	d, l := open(t, path)
	f := d.File(k)
	end := run(t, d)
	f.Put(func() any { return value })
	end()
	if l.String() != "" {
		t.Fatal(l)
	}
}

// What was put last before the end is there for the next run.
func TestKept(t *testing.T) {
	path, kind := filepath.Join(t.TempDir(), "new", "state"), Kind{Name: "learnt", Version: 3}
	before := time.Now()
	keep(t, path, kind, []string{"a", "b"})
	d, l := open(t, path)
	var got []string
	when, ok := d.File(kind).Load(&got)
	if !ok || strings.Join(got, "") != "ab" || when.Before(before.Add(-time.Second)) || l.String() != "" {
		t.Errorf("got %v of %v, %v: %s", got, when, ok, l)
	}
	if _, ok := d.File(Kind{Name: "other"}).Load(&got); ok || l.String() != "" {
		t.Errorf("a file that is not there was read: %s", l)
	}
	info, err := os.Stat(filepath.Join(path, "learnt.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

// Whatever is wrong with a file, it is told and not used.
func TestUnusable(t *testing.T) {
	kind := Kind{Name: "learnt", Version: 1, Most: 100}
	for name, c := range map[string]struct {
		change func([]byte) []byte
		words  string
	}{
		"cut off":          {func(b []byte) []byte { return b[:len(b)-1] }, "damaged"},
		"a bit is another": {func(b []byte) []byte { b[len(b)-2] ^= 1; return b }, "damaged"},
		"of somebody else": {func([]byte) []byte { return []byte("{}\n[]") }, "not a file of"},
		"no text":          {func([]byte) []byte { return nil }, "not a file of"},
		"of a later version": {func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"version":1`), []byte(`"version":2`), 1)
		}, "it has version 2, and this program reads version 1"},
		"too large": {func(b []byte) []byte { return append(b, make([]byte, maxHeader+101)...) }, "more than 100 bytes"},
		"of another kind": {func(b []byte) []byte {
			return bytes.Replace(b, []byte("learnt"), []byte("taught"), 1)
		}, "not a file of"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			keep(t, dir, kind, []string{"a"})
			path := filepath.Join(dir, "learnt.json")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.change(b), 0o600); err != nil {
				t.Fatal(err)
			}
			d, l := open(t, dir)
			var got []string
			if _, ok := d.File(kind).Load(&got); ok || !strings.Contains(l.String(), c.words) {
				t.Errorf("%v %v: %s", got, ok, l)
			}
		})
	}
}

// A form that this program does not know is not used.
func TestAnotherForm(t *testing.T) {
	dir, kind := t.TempDir(), Kind{Name: "learnt"}
	keep(t, dir, kind, map[string]int{"a": 1})
	d, l := open(t, dir)
	var got []string
	if _, ok := d.File(kind).Load(&got); ok || !strings.Contains(l.String(), "cannot unmarshal") {
		t.Errorf("%v %v: %s", got, ok, l)
	}
}

// Content that grew too large is told, and what was kept before stays.
func TestTooLarge(t *testing.T) {
	dir, kind := t.TempDir(), Kind{Name: "learnt", Most: 10}
	keep(t, dir, kind, "small")
	d, l := open(t, dir)
	f := d.File(kind)
	end := run(t, d)
	f.Put(func() any { return strings.Repeat("x", 100) })
	waittest.Until(t, "it is told", func() bool { return strings.Contains(l.String(), "102 bytes, and may have 10") })
	end()
	var got string
	if _, ok := d.File(kind).Load(&got); !ok || got != "small" {
		t.Errorf("%q %v", got, ok)
	}
}

// A directory that is gone or in the way is told once, and is used as soon as it can be.
func TestMended(t *testing.T) {
	path, kind := filepath.Join(t.TempDir(), "state"), Kind{Name: "learnt"}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d, l := open(t, path)
	f := d.File(kind)
	end := run(t, d)
	f.Put(func() any { return "x" })
	waittest.Until(t, "it is told", func() bool { return strings.Contains(l.String(), "cannot be kept") })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "it is kept again", func() bool { return strings.Contains(l.String(), "is kept again") })
	end()
	if n := strings.Count(l.String(), "cannot be kept"); n != 1 {
		t.Errorf("told %d times: %s", n, l)
	}
	var got string
	if _, ok := d.File(kind).Load(&got); !ok || got != "x" {
		t.Errorf("%q %v", got, ok)
	}
}

// What a process left that was killed while it wrote goes.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	left, other := filepath.Join(dir, ".learnt-1.tmp"), filepath.Join(dir, "of-somebody.tmp")
	for _, path := range []string{left, other} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir)
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
}

// Many changes are few writes, and the last one is kept.
func TestCoalesced(t *testing.T) {
	dir := t.TempDir()
	d := Open(Options{Path: dir, Every: time.Hour})
	f := d.File(Kind{Name: "learnt"})
	end := run(t, d)
	var mu sync.Mutex
	calls := 0
	for i := range 1000 {
		f.Put(func() any {
			mu.Lock()
			defer mu.Unlock()
			calls++
			return i
		})
	}
	end()
	if calls > 2 {
		t.Errorf("it was encoded %d times", calls)
	}
	var got int
	if _, ok := d.File(Kind{Name: "learnt"}).Load(&got); !ok || got != 999 {
		t.Errorf("%d %v", got, ok)
	}
}
