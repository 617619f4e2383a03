package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// question is a request that is asked until its answer holds a text.
type question struct {
	url, host, cookie, want string
	patience                time.Duration
}

// ask asks once a second until the answer is right or the patience is over. It
// says what was wrong with the others.
func (q question) ask(ctx context.Context, out, wrong io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, q.patience)
	defer cancel()
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		body, err := q.once(ctx)
		if err == nil && !strings.Contains(body, q.want) {
			err = fmt.Errorf("the answer is %q", body)
		}
		if err == nil {
			_, err = fmt.Fprint(out, body)
			return err
		}
		_, _ = fmt.Fprintln(wrong, err)
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%s for host %s, want %q: %w", q.url, q.host, q.want, err)
		}
	}
}

func (q question) once(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, q.url, http.NoBody)
	if err != nil {
		return "", err
	}
	request.Host = q.host
	if q.cookie != "" {
		request.Header.Set("Cookie", q.cookie)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return string(body), err
}
