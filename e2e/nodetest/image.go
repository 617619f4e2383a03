//go:build linux

package nodetest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/distribution/reference"
)

// Image is a container image of one layer.
type Image struct {
	// Names are as in a Pod, such as kibble/kibble:0.1.0.
	Names []string
	// Files says for each path in the image which file of this machine it is.
	Files map[string]string
	// Entrypoint and User are as in a Dockerfile.
	Entrypoint []string
	User       string
}

// blob is a part of an archive; its bytes are in a file.
type blob struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`

	file string
}

// write makes an OCI archive of the image in a directory, and gives its path.
func (i Image) write(dir string) (string, error) {
	layer, err := newBlob(dir, "application/vnd.oci.image.layer.v1.tar", i.layer)
	if err != nil {
		return "", err
	}
	config, err := jsonBlob(dir, "application/vnd.oci.image.config.v1+json", map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": i.Entrypoint, "User": i.User, "Env": []string{"PATH=/usr/local/bin:/usr/bin:/bin"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{layer.Digest}},
	})
	if err != nil {
		return "", err
	}
	manifest, err := jsonBlob(dir, "application/vnd.oci.image.manifest.v1+json", map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []blob{layer},
	})
	if err != nil {
		return "", err
	}
	var index []blob
	for _, name := range i.Names {
		whole, err := reference.ParseDockerRef(name) // as the kubelet's runtime will ask for it
		if err != nil {
			return "", err
		}
		named := manifest
		named.Annotations = map[string]string{"io.containerd.image.name": whole.String()}
		index = append(index, named)
	}
	out, err := newBlob(dir, "", func(w *tar.Writer) error {
		list, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": index})
		if err != nil {
			return err
		}
		for name, text := range map[string][]byte{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`), "index.json": list} {
			if err := add(w, name, 0o644, int64(len(text)), bytes.NewReader(text)); err != nil {
				return err
			}
		}
		for _, b := range []blob{layer, config, manifest} {
			if err := addFile(w, "blobs/sha256/"+b.Digest[len("sha256:"):], b.file); err != nil {
				return err
			}
		}
		return nil
	})
	return out.file, err
}

// layer writes the files, and the directories that they are in.
func (i Image) layer(w *tar.Writer) error {
	var names, dirs []string
	for name := range i.Files {
		names = append(names, name)
		for d := path.Dir(name); d != "/"; d = path.Dir(d) {
			dirs = append(dirs, d)
		}
	}
	slices.Sort(dirs)
	for _, d := range slices.Compact(dirs) {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: d[1:] + "/", Mode: 0o755}); err != nil {
			return err
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if err := addFile(w, name[1:], i.Files[name]); err != nil {
			return err
		}
	}
	return nil
}

func addFile(w *tar.Writer, name, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return add(w, name, info.Mode().Perm(), info.Size(), f)
}

func add(w *tar.Writer, name string, mode fs.FileMode, size int64, from io.Reader) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(mode), Size: size}); err != nil {
		return err
	}
	_, err := io.Copy(w, from)
	return err
}

// newBlob writes a tar archive into a new file of a directory.
func newBlob(dir, mediaType string, write func(*tar.Writer) error) (b blob, err error) {
	f, err := os.CreateTemp(dir, "blob-*")
	if err != nil {
		return b, err
	}
	defer f.Close()
	sum := sha256.New()
	w := tar.NewWriter(io.MultiWriter(f, sum))
	if err := write(w); err != nil {
		return b, err
	}
	if err := w.Close(); err != nil {
		return b, err
	}
	info, err := f.Stat()
	if err != nil {
		return b, err
	}
	return blob{MediaType: mediaType, Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil)), Size: info.Size(), file: f.Name()}, nil
}

func jsonBlob(dir, mediaType string, v any) (b blob, err error) {
	text, err := json.Marshal(v)
	if err != nil {
		return b, err
	}
	sum := sha256.Sum256(text)
	b = blob{MediaType: mediaType, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(text))}
	b.file = filepath.Join(dir, hex.EncodeToString(sum[:]))
	if err := os.WriteFile(b.file, text, 0o600); err != nil {
		return b, fmt.Errorf("write a part of an image: %w", err)
	}
	return b, nil
}
