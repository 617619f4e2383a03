package pki

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// AuthorityFile follows a file of authorities, for those who hand them on as text. A
// file that cannot be used does not take the place of one that could: what it held
// before stays, and it is logged why. It is safe for concurrent use.
type AuthorityFile struct {
	Name   string
	Logger *slog.Logger

	mu     sync.Mutex
	looked time.Time
	text   string
	by     authorities
	failed string // what was logged last
}

// Text gives what the file holds, a second ago at most. An error is of the first call,
// or of those until one has had none.
func (f *AuthorityFile) Text() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if f.text != "" && !due(f.looked, now) {
		return f.text, nil
	}
	f.looked = now
	switch err := f.load(); {
	case err == nil:
		f.failed = ""
	case f.text == "":
		return "", err
	case err.Error() != f.failed:
		f.failed = err.Error()
		f.Logger.Error("new authorities cannot be used, the last ones stay", "reason", err)
	}
	return f.text, nil
}

func (f *AuthorityFile) load() error {
	text, err := os.ReadFile(f.Name)
	if err != nil || string(text) == f.text {
		return err
	}
	by, err := f.by.next(text, f.looked)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	if f.text != "" {
		f.Logger.Info("new authorities are in use", "authorities", f.Name)
	}
	f.text, f.by = string(text), by
	return nil
}
