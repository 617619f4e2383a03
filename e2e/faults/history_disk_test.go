package faults_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"kibble.dev/e2e/demotest"
)

// Control planes keep their state on small disks of their own, which something fills.
const (
	diskSize = 8 << 20
	filler   = "filler"
)

// disks gives each control plane one, with nothing on it.
func (h *history) disks() {
	h.lab.Helper()
	for _, r := range h.lab.Replicas {
		h.lab.Cleanup(h.lab.SmallDisk(r.State, diskSize))
	}
}

// doFill fills the disk of a control plane: nothing more of its state can be written.
func doFill(h *history, what string) {
	i := int(number(what))
	h.full[i] = true
	f, err := os.OpenFile(filepath.Join(h.lab.Replicas[i].State, filler), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	h.lab.Must(err)
	defer f.Close()
	for rubbish := make([]byte, 4<<10); err == nil; {
		_, err = f.Write(rubbish)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		h.lab.Fatal(err)
	}
}

// doClear has there be room again.
func doClear(h *history, what string) {
	i := int(number(what))
	delete(h.full, i)
	h.lab.Must(os.Remove(filepath.Join(h.lab.Replicas[i].State, filler)))
}

// forget takes what is in a directory of state, but for what fills the disk.
func forget(l *demotest.Lab, dir string) {
	l.Helper()
	files, err := os.ReadDir(dir)
	l.Must(err)
	for _, f := range files {
		if f.Name() != filler {
			l.Must(os.RemoveAll(filepath.Join(dir, f.Name())))
		}
	}
}
