package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	bootstrap "kibble.dev/envoy-bootstrap"
)

// newDrainCommand makes `kibble drain`.
func newDrainCommand() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "drain",
		Short: "Let the connections of the Envoy beside this end, once the pod ends",
		Long: `Wait until the program is told to end, as Kubernetes does with all containers of
a pod that ends; then tell the Envoy of the same pod to drain, and end.

Envoy ends at once when it is told to, and cuts its connections. Told to drain
before, it goes on serving and asks clients to leave: by "Connection: close" with
its answers, or GOAWAY. How long that takes is Envoy's --drain-time-s: let its
container end no earlier, by a preStop hook that sleeps so long.`,
		Example: `  kibble drain --admin-address 127.0.0.1:9901`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			log.InfoContext(cmd.Context(), "waiting for the end", "envoy", address)
			<-cmd.Context().Done()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), 5*time.Second)
			defer cancel()
			if err := drain(ctx, address); err != nil {
				return &exitError{code: exitUnreachable, err: fmt.Errorf("the Envoy at --admin-address %s cannot be told to drain: %w", address, err)}
			}
			log.InfoContext(ctx, "Envoy drains", "envoy", address)
			return nil
		},
	}
	cmd.Flags().StringVar(&address, "admin-address", bootstrap.DefaultAdminAddress, "host:port of Envoy's admin pages")
	return cmd
}

// drain has an Envoy ask its clients to leave. It goes on to listen until its
// drain time is over, and does not end by itself.
func drain(ctx context.Context, admin string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+admin+"/drain_listeners?graceful&skip_exit", http.NoBody)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	return err
}
