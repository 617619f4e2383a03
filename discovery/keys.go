package discovery

import (
	"fmt"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// Keys: files and Secrets that policies name, to check tokens with, and the
// Secrets of HTTPS.

// secretFact is the data of a Secret.
type secretFact struct{ data map[string]dogfood.Sealed }

func secretFactOf(s *corev1.Secret) *secretFact {
	fact := &secretFact{data: map[string]dogfood.Sealed{}}
	for key, value := range s.Data {
		fact.data[key] = dogfood.Sealed(value)
	}
	for key, value := range s.StringData {
		fact.data[key] = dogfood.Sealed(value)
	}
	return fact
}

// readSecret reads a Secret. What is wrong with it is told without its values.
func (w written) readSecret() (*object, []dtab.Finding) {
	o, found := readAs(w, kindSecret, &corev1.Secret{}, nil, func(s *corev1.Secret, _ translate.Origin) any { return secretFactOf(s) })
	for i, f := range found {
		if f.Code == codeType {
			found[i].Message, found[i].Hint = "a value of this Secret cannot be read", "under data: text in base64, under stringData: plain text, in quotes if it looks like a number"
		}
	}
	return o, found
}

// eachKeys visits the tokens that a policy's condition asks for.
func (s *store) eachKeys(visit func(namespace string, j *v1alpha1.JWT)) {
	for _, p := range s.policies() {
		p.Object.Spec.When.EachJWT(func(j *v1alpha1.JWT) { visit(p.Object.Namespace, j) })
	}
}

// certificates gives the Secrets that routers and their Ingresses name for HTTPS.
func (s *store) certificates() map[translate.Key]bool {
	return translate.CertificateSecrets(s.routers(), s.ingresses())
}

// secrets gives what policies and routers name of the Secrets, and nothing else
// of them.
func (s *store) secrets() map[translate.Key]map[string]dogfood.Sealed {
	all := map[translate.Key]map[string]dogfood.Sealed{}
	s.eachKeys(func(namespace string, j *v1alpha1.JWT) {
		ref := j.JWKSSecretRef
		if ref == nil {
			return
		}
		fact, ok := s.fact(id{kindSecret, namespace, ref.Name}).(*secretFact)
		if !ok {
			return
		}
		key := translate.Key{Namespace: namespace, Name: ref.Name}
		if all[key] == nil {
			all[key] = map[string]dogfood.Sealed{}
		}
		if value, there := fact.data[ref.Key]; there {
			all[key][ref.Key] = value
		}
	})
	for key := range s.certificates() {
		fact, ok := s.fact(id{kindSecret, key.Namespace, key.Name}).(*secretFact)
		if !ok {
			continue
		}
		if all[key] == nil {
			all[key] = map[string]dogfood.Sealed{}
		}
		for _, name := range []string{translate.TLSCertificate, translate.TLSKey} {
			if value, there := fact.data[name]; there {
				all[key][name] = value
			}
		}
	}
	return all
}

// refreshKeys reads the files of keys that policies name, and adds where to
// watch. A file that cannot be read any more, or was emptied, keeps what it held.
func (d *directory) refreshKeys(watch watchList) {
	files := map[string]translate.KeyFile{}
	d.store.eachKeys(func(_ string, j *v1alpha1.JWT) {
		name := j.JWKSFile
		if _, done := files[name]; done || name == "" {
			return
		}
		path := d.path(name)
		snap, err := take(path, selection{match: func(string) bool { return false }})
		watch.add(snap.watch)
		data, read := snap.files[path]
		switch {
		case read && len(data) > 0:
			files[name] = translate.KeyFile{Text: dogfood.Sealed(data)}
		case d.keyFiles[name].Text != "":
			files[name] = d.keyFiles[name]
		case err != nil:
			files[name] = translate.KeyFile{Problem: fmt.Sprintf("%s cannot be read: %s", path, reason(err))}
		case read:
			files[name] = translate.KeyFile{Problem: path + " is empty"}
		default:
			files[name] = translate.KeyFile{Problem: path + " is not a file"}
		}
	})
	d.keyFiles = files
	d.store.setKeyFiles(files)
}

// withoutKeys drops what is found in files that hold keys: they are no
// manifests, even if their names look like it.
func (d *directory) withoutKeys(found []dtab.Finding) []dtab.Finding {
	return slices.DeleteFunc(found, func(f dtab.Finding) bool {
		for name := range d.keyFiles {
			if filepath.Clean(f.Pos.Source) == filepath.Clean(d.path(name)) {
				return true
			}
		}
		return false
	})
}
