package docstest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// noWatches runs kibble serve where the kernel gives nobody a watch for a file,
// as a user of its own namespace, and expects the finding in its log.
func (c console) noWatches(t *testing.T, code string) {
	t.Helper()
	serve := exec.CommandContext(t.Context(), "sh", "-c", `echo 0 > /proc/sys/user/max_inotify_watches && exec "$0" "$@"`,
		filepath.Join(c.path, "kibble"), "serve", "-f", filepath.Join(c.dir, "examples", "hello-world"),
		"--xds-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0", "--insecure-plaintext")
	serve.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
	}
	log, err := serve.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	said, all := false, ""
	for lines := bufio.NewScanner(log); !said && lines.Scan(); {
		said = strings.Contains(lines.Text(), "code="+code)
		all += lines.Text() + "\n"
	}
	_ = serve.Process.Kill() // it may have ended by itself, which the log tells
	_ = serve.Wait()
	if !said {
		t.Errorf("kibble serve without watches does not say %s:\n%s", code, all)
	}
}
