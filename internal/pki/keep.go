package pki

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Kept is a set of certificates in a directory, which Renew keeps fresh:
//
//	ca/        the authority, for whoever runs Renew only
//	server/    tls.crt, tls.key and ca.crt of kibble serve
//	class-C/   the same of the proxies of class C
//
// The authority is replaced in two steps, so that nobody meets a stranger: when
// a third of its life is left the next one is made and put into every ca.crt,
// and a tenth of a life later certificates come from that one. The last one
// stays in ca.crt until it ends.
type Kept struct {
	Dir string
	// ServerNames are the names and addresses that proxies call the server by.
	ServerNames []string
	// Classes are the proxy classes that get a certificate.
	Classes []string
	// Life is that of certificates, CALife that of authorities.
	Life, CALife time.Duration
}

// The authority's files.
const (
	caNow  = "now"
	caNext = "next"
	caLast = "last"
)

// Renew makes what is missing, and anew what has less than a third of its life
// left, was made for other names, or comes from the last authority. It gives
// the names of the folders that it wrote.
func (k Kept) Renew(now time.Time) (wrote []string, err error) {
	by, trusted, fresh, err := k.authorities(now)
	if err != nil {
		return nil, err
	}
	if fresh {
		wrote = append(wrote, "ca")
	}
	sign := map[string]func() (Pair, error){"server": func() (Pair, error) { return by.Server(k.ServerNames, now, k.Life) }}
	for _, c := range k.Classes {
		sign["class-"+c] = func() (Pair, error) { return by.Client(c, nil, now, k.Life) }
	}
	folders := []string{"server"}
	for _, c := range k.Classes {
		folders = append(folders, "class-"+c)
	}
	for _, folder := range folders {
		dir := filepath.Join(k.Dir, folder)
		if k.fresh(dir, folder == "server", by, trusted, now) {
			continue
		}
		pair, err := sign[folder]()
		if err != nil {
			return wrote, err
		}
		if err := writeAll(dir, map[string][]byte{"tls.crt": pair.Certificate, "tls.key": pair.Key, "ca.crt": trusted}); err != nil {
			return wrote, err
		}
		wrote = append(wrote, folder)
	}
	return wrote, nil
}

// fresh says that a folder can stay as it is.
func (k Kept) fresh(dir string, server bool, by *Authority, trusted []byte, now time.Time) bool {
	text, err := os.ReadFile(filepath.Join(dir, "tls.crt"))
	if err != nil {
		return false
	}
	bundle, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil || !bytes.Equal(bundle, trusted) {
		return false
	}
	c, err := Parse(text)
	if err != nil || ending(c.NotBefore, c.NotAfter, now) || !bytes.Equal(c.AuthorityKeyId, by.certificate.SubjectKeyId) {
		return false
	}
	return !server || !slices.ContainsFunc(k.ServerNames, func(n string) bool { return c.VerifyHostname(n) != nil })
}

// ending says that less than a third of a life is left.
func ending(from, to, now time.Time) bool { return to.Sub(now) < to.Sub(from)/3 }

// authorities gives the one that signs, the text of all that are trusted, and
// whether it made or moved one.
func (k Kept) authorities(now time.Time) (by *Authority, trusted []byte, fresh bool, err error) {
	dir := filepath.Join(k.Dir, "ca")
	all := map[string]*Authority{}
	for _, name := range []string{caNow, caNext, caLast} {
		if all[name], err = readAuthority(dir, name); err != nil {
			return nil, nil, false, err
		}
		if a := all[name]; a != nil && now.After(a.certificate.NotAfter) {
			all[name], fresh = nil, true
		}
	}
	if next := all[caNext]; next != nil && (all[caNow] == nil || now.Sub(next.certificate.NotBefore) > k.CALife/10) {
		all[caLast], all[caNow], all[caNext], fresh = all[caNow], next, nil, true
	}
	name := ""
	switch a := all[caNow]; {
	case a == nil:
		name = caNow
	case all[caNext] == nil && ending(a.certificate.NotBefore, a.certificate.NotAfter, now):
		name = caNext
	}
	if name != "" {
		if all[name], err = NewAuthority(now, k.CALife); err != nil {
			return nil, nil, false, err
		}
		fresh = true
	}
	files := map[string][]byte{}
	for _, n := range []string{caNow, caNext, caLast} {
		if a := all[n]; a != nil {
			files[n+".crt"], files[n+".key"] = a.Certificate, a.Key
			trusted = append(trusted, a.Certificate...)
		} else {
			files[n+".crt"], files[n+".key"] = nil, nil
		}
	}
	if fresh {
		err = writeAll(dir, files)
	}
	return all[caNow], trusted, fresh, err
}

// readAuthority gives nil where there is none.
func readAuthority(dir, name string) (*Authority, error) {
	var pair Pair
	for suffix, into := range map[string]*[]byte{".crt": &pair.Certificate, ".key": &pair.Key} {
		b, err := os.ReadFile(filepath.Join(dir, name+suffix))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		*into = b
	}
	a, err := ReadAuthority(pair)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, name+".crt"), err)
	}
	return a, nil
}

// writeAll puts files into a directory, each at once; those without text are
// removed. Others may watch the directory: the key comes first, and whoever
// reads a key and a certificate that do not fit reads again.
func writeAll(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(files))
	slices.Reverse(names) // tls.key before tls.crt
	for _, n := range names {
		path := filepath.Join(dir, n)
		if files[n] == nil {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err := os.WriteFile(path+".new", files[n], 0o600); err != nil {
			return err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
	}
	return nil
}
