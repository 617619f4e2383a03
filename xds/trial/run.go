package trial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"kibble.dev/internal/child"
	"kibble.dev/translate"
)

// errRefused is what Envoy says of a configuration that it does not take. Its
// text is Envoy's own.
type errRefused string

func (e errRefused) Error() string { return string(e) }

// run has Envoy read resources. nil says that it takes them, an errRefused that
// it does not; any other error says nothing about them.
func (t *Trial) run(ctx context.Context, resources []*translate.Resource) error {
	boot, err := compose(resources)
	if err != nil {
		return fmt.Errorf("put together what is to be tried: %w", err)
	}
	dir, err := os.MkdirTemp("", "kibble-trial-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	config := filepath.Join(dir, "bootstrap.pb") // the ending says what is in it
	if err := os.WriteFile(config, boot, 0o600); err != nil {
		return err
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, t.o.Envoy, "--mode", "validate", "--config-path", config, //nolint:gosec // the user names it
		"--log-level", "critical", "--log-format", "%v", "--concurrency", "1", "--disable-hot-restart")
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr, cmd.WaitDelay = child.DiesWithParent(), time.Second
	err = cmd.Run()
	if err == nil {
		return nil
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() && ctx.Err() == nil {
		if _, why, ok := strings.Cut(said.String(), "error initializing configuration '"+config+"': "); ok {
			return errRefused(strings.TrimSpace(why))
		}
	}
	return fmt.Errorf("%w: %s", errors.Join(err, ctx.Err()), tail(said.String()))
}

// tail bounds what is logged of an Envoy that did something else.
func tail(text string) string {
	const most = 500
	return strings.TrimSpace(text[max(0, len(text)-most):])
}
