package main

import (
	"context"
	"fmt"

	"kibble.dev/internal/helloworld"
)

// askAll asks the questions in order and shows each with its answer. It gives
// how many answers were wrong.
func askAll(ctx context.Context, qs []helloworld.Question, edge string, s *screen) (failed int, err error) {
	for _, q := range qs {
		status, body, err := q.Ask(ctx, edge)
		if err != nil {
			return failed, fmt.Errorf("%s: %w", q.Curl(edge), err)
		}
		right := status == q.Status && body == q.Want
		if !right {
			failed++
		}
		s.answer(q, q.Curl(edge), status, body, right)
	}
	return failed, nil
}
