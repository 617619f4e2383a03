package discovery

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"kibble.dev/dtab"
)

// shelf keeps what was read from each of a set of files. A file that becomes
// unsound, that is, has a finding of severity error, keeps what it held when it
// was sound last. Of one that never was, what could be read is merged.
type shelf[T any] struct {
	parse func(name string, data []byte) (T, []dtab.Finding)
	merge func(before, now T) T
	// needsText: a file without text is one that somebody is about to write.
	needsText bool
	files     map[string]*kept[T]
	// recalled is what files held before this process began, if that is known.
	// It stands in for what a file lacks that was not sound yet.
	recalled map[string]T
	// trouble is what could not be read at all.
	trouble []dtab.Finding
}

type kept[T any] struct {
	sum      [sha256.Size]byte
	sound    bool
	value    T
	findings []dtab.Finding
}

// update takes over a snapshot and gives the files whose value is another one
// now, or that are gone, sorted.
func (s *shelf[T]) update(snap snapshot) (changed []string) {
	for _, path := range slices.Sorted(maps.Keys(snap.files)) {
		if s.file(path, snap.files[path]) {
			changed = append(changed, path)
		}
	}
	s.trouble = nil
	for path, err := range snap.failed {
		f := dtab.Finding{
			Code: codeFile, Severity: dtab.Error, Pos: dtab.Pos{Source: path},
			Message: "this cannot be read: " + reason(err).Error(), Hint: "see to its permissions, or take it away",
		}
		if errors.Is(err, fs.ErrNotExist) {
			f.Message, f.Hint = "this is a link that leads nowhere", "mend it, or take it away"
		}
		s.trouble = append(s.trouble, f)
	}
	for path := range s.files {
		if _, there := snap.files[path]; !there && !below(path, snap.failed) {
			delete(s.files, path)
			changed = append(changed, path)
		}
	}
	slices.Sort(changed)
	return changed
}

// reason takes the path off an error that is told at that path.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// below tells whether a path, or a directory that it is in, is among others.
func below(path string, others map[string]error) bool {
	for other := range others {
		if path == other || strings.HasPrefix(path, strings.TrimSuffix(other, string(filepath.Separator))+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// file reads one file and tells whether its value is another one now.
func (s *shelf[T]) file(path string, data []byte) bool {
	sum := sha256.Sum256(data)
	k := s.files[path]
	if k == nil {
		k = &kept[T]{}
		s.files[path] = k
	} else if k.sum == sum {
		return false
	}
	k.sum = sum
	if s.needsText && k.sound && len(bytes.TrimSpace(data)) == 0 {
		k.findings = []dtab.Finding{{
			Code: codeEmpty, Severity: dtab.Warning, Pos: dtab.Pos{Source: path},
			Message: "the file is empty; what it held before stays in use", Hint: "delete the file if its objects should go",
		}}
		return false
	}
	value, found := s.parse(path, data)
	k.findings = found
	unsound := slices.ContainsFunc(found, func(f dtab.Finding) bool { return f.Severity == dtab.Error })
	switch {
	case !unsound:
		k.value, k.sound = value, true
		delete(s.recalled, path)
	case !k.sound:
		if old, ok := s.recalled[path]; ok {
			k.value = s.merge(old, k.value)
			delete(s.recalled, path)
		}
		k.value = s.merge(k.value, value)
	default:
		k.findings = append(k.findings, dtab.Finding{
			Code: codeKept, Severity: dtab.Info, Pos: dtab.Pos{Source: path},
			Message: "what the file held before stays in use until its errors are mended",
		})
		return false
	}
	return true
}

// findings gives what there is to say of all files, in no order.
func (s *shelf[T]) findings() []dtab.Finding {
	all := slices.Clone(s.trouble)
	for _, k := range s.files {
		all = append(all, k.findings...)
	}
	return all
}
