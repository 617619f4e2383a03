//go:build linux

package nodetest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// Ours makes the image of Kibble as the Dockerfile says: its build commands run
// here, and what it copies, starts and as whom is what it says. The base of its
// build (Go) is this machine's.
func Ours(t testing.TB, root string, names ...string) Image {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	image := Image{Names: names, Files: map[string]string{}}
	lines := regexp.MustCompile(`(?m)^(FROM|RUN|COPY --from=build|USER|ENTRYPOINT) ((?:.*\\\n)*.*)$`)
	for _, m := range lines.FindAllStringSubmatch(string(b), -1) {
		words := strings.Fields(m[2])
		switch {
		case m[1] == "RUN" && strings.Contains(m[2], "go build"):
			build := exec.CommandContext(t.Context(), "bash", "-euc", strings.ReplaceAll(m[2], "/out/", out+"/"))
			build.Dir = root
			build.Env = append(os.Environ(), "TARGETOS=linux", "TARGETARCH="+runtime.GOARCH)
			if text, err := build.CombinedOutput(); err != nil {
				t.Fatalf("Dockerfile: %s: %v\n%s", m[2], err, text)
			}
		case m[1] == "COPY --from=build":
			to := words[len(words)-1]
			for _, from := range words[:len(words)-1] {
				name := to
				if strings.HasSuffix(to, "/") {
					name += filepath.Base(from)
				}
				image.Files[name] = strings.Replace(from, "/out/", out+"/", 1)
			}
		case m[1] == "USER":
			image.User = m[2]
		case m[1] == "ENTRYPOINT":
			if err := json.Unmarshal([]byte(m[2]), &image.Entrypoint); err != nil {
				t.Fatalf("Dockerfile: ENTRYPOINT: %v", err)
			}
		}
	}
	if len(image.Files) == 0 || image.User == "" || len(image.Entrypoint) == 0 {
		t.Fatalf("the Dockerfile is not understood: %+v", image)
	}
	return image
}

// Envoy makes an image as Envoy's own without a shell: the program, and the
// libraries of the system that it needs.
func Envoy(t testing.TB, binary string, names ...string) Image {
	t.Helper()
	const program = "/usr/local/bin/envoy"
	image := Image{Names: names, Files: map[string]string{program: binary}, Entrypoint: []string{program}, User: "65532"}
	out, err := exec.CommandContext(t.Context(), "ldd", binary).CombinedOutput()
	if err != nil {
		t.Fatalf("ldd %s: %v\n%s", binary, err, out)
	}
	for _, file := range regexp.MustCompile(`/\S+\.so\S*`).FindAllString(string(out), -1) {
		image.Files[file] = file
	}
	return image
}

// pause makes the image that holds a pod's namespaces.
func pause() Image {
	return Image{
		Names: []string{pauseImage}, Files: map[string]string{"/pause": program("pause")},
		Entrypoint: []string{"/pause"}, User: "65535:65535",
	}
}

// load puts an image into containerd.
func (c *Cluster) load(i Image) {
	c.Helper()
	dir, err := os.MkdirTemp(c.dir, "image")
	c.Must(err)
	defer os.RemoveAll(dir)
	archive, err := i.write(dir)
	c.Must(err)
	command := exec.CommandContext(c.Context(), program("ctr"), "--address", c.path("containerd.sock"), "--namespace", "k8s.io", "images", "import", "--local", archive)
	if out, err := command.CombinedOutput(); err != nil {
		c.Fatal(fmt.Errorf("load image %v: %w\n%s", i.Names, err, out))
	}
}
