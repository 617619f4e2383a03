package demotest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"kibble.dev/dtab"
	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/envoytest"
)

// serverName is what the control planes' certificate is for.
const serverName = "kibble.test"

// Replica is a running `kibble serve`.
type Replica struct {
	*kubetest.Process
	// XDS and Admin are its addresses.
	XDS, Admin string
	// Dir is what it writes to: its log, and in State its state.
	Dir, State string
}

// certificates makes those of the control planes and of the proxy classes.
func (l *Lab) certificates() {
	l.Helper()
	l.certs = filepath.Join(l.dir, "certs")
	l.Kibble("certs", "--dir", l.certs, "--server-name", serverName, "--proxy-class", "edge,sidecar,node")
}

// Kibble runs a command of the program, and gives what it prints.
func (l *Lab) Kibble(args ...string) []byte {
	l.Helper()
	var said bytes.Buffer
	command := exec.CommandContext(l.Context(), filepath.Join(l.bin, "kibble"), args...)
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		l.Fatalf("kibble %s: %v\n%s%s", strings.Join(args, " "), err, said.Bytes(), out)
	}
	return out
}

// Preview is what the proxies of a class are to have by the objects that are in the
// cluster now, as `kibble preview -o json` prints it: by type, without the word before
// the last dot.
func (l *Lab) Preview(class string) map[string][]json.RawMessage {
	l.Helper()
	var all map[string]map[string][]json.RawMessage
	l.Must(json.Unmarshal(l.Kibble("preview", "--kubeconfig", l.Kubeconfig, "--proxy-class", class, "-o", "json"), &all))
	return all[class]
}

// Serve starts a control plane and returns when it is ready.
func (l *Lab) Serve() *Replica {
	l.Helper()
	r := &Replica{XDS: envoytest.FreeAddress(l), Admin: envoytest.FreeAddress(l), Dir: filepath.Join(l.dir, fmt.Sprintf("kibble-%d", len(l.Replicas)))}
	r.State = filepath.Join(r.Dir, "state")
	l.Must(os.MkdirAll(r.Dir, 0o700))
	server := filepath.Join(l.certs, "server")
	r.Process = kubetest.NewProcess(l, l.program, filepath.Join(r.Dir, "log"), append([]string{
		"serve", "--kubeconfig", l.WriteKubeconfig(l.control, "default"), "--status-lease", "kibble/kibble", "--state-dir", r.State,
		"--xds-address", r.XDS, "--admin-address", r.Admin,
		"--tls-cert", filepath.Join(server, "tls.crt"), "--tls-key", filepath.Join(server, "tls.key"), "--client-ca", filepath.Join(server, "ca.crt"),
	}, l.flags...)...)
	if l.clock != "" {
		r.Process.Env = append(os.Environ(), clockFile+"="+l.clock)
	}
	l.Replicas = append(l.Replicas, r)
	r.Start()
	l.AwaitReady(r)
	return r
}

// AwaitReady returns when a control plane is ready.
func (l *Lab) AwaitReady(r *Replica) {
	l.Helper()
	l.Eventually("kibble is ready", func() error {
		if r.Ended() {
			return errors.New("it ended")
		}
		_, err := get("http://" + r.Admin + "/readyz")
		return err
	})
}

// NotReady is what a control plane says of why it is not ready, "" if it is, or
// does not answer.
func (l *Lab) NotReady(r *Replica) string {
	l.Helper()
	response, err := http.Get("http://" + r.Admin + "/readyz")
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode == http.StatusOK {
		return ""
	}
	return string(b)
}

// Certificate is the path of a file of the certificates of "server" or of a
// proxy class: "class-edge".
func (l *Lab) Certificate(of, name string) string { return filepath.Join(l.certs, of, name) }

// Metric is the sum of a control plane's metric over all labels, or with the labels that
// are written behind its name; 0 if it has none.
func (l *Lab) Metric(r *Replica, name string) (sum float64) {
	l.Helper()
	page, err := get("http://" + r.Admin + "/metrics")
	l.Must(err)
	for line := range strings.Lines(page) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || !strings.HasPrefix(rest, "{") && !strings.HasPrefix(rest, " ") {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, " "):]), 64)
		l.Must(err)
		sum += value
	}
	return sum
}

// Finding is what a control plane says now under a code, a line each.
func (l *Lab) Finding(r *Replica, code string) string {
	l.Helper()
	body, err := get("http://" + r.Admin + "/api/findings")
	l.Must(err)
	var all []dtab.Finding
	l.Must(json.Unmarshal([]byte(body), &all))
	var lines strings.Builder
	for _, f := range all {
		if f.Code == code {
			fmt.Fprintln(&lines, f)
		}
	}
	return lines.String()
}

func get(url string) (string, error) {
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: limit}).Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, response.Status, b)
	}
	return string(b), err
}

// readFile is the content of a file.
func (l *Lab) readFile(name string) []byte {
	l.Helper()
	b, err := os.ReadFile(name)
	l.Must(err)
	return b
}

// CheckRights fails the test if a control plane was refused anything.
func (l *Lab) CheckRights() {
	l.Helper()
	for _, r := range l.Replicas {
		if log := r.Log(); strings.Contains(log, "orbidden") {
			l.Errorf("kibble was refused something:\n%s", log)
		}
	}
}
