package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// comparison is what of two states is to be compared.
type comparison struct {
	router  string
	live    bool // with what a server serves
	admin   adminClient
	cluster cluster
}

func (c *comparison) args(_ *cobra.Command, args []string) error {
	switch {
	case c.live && c.cluster.asked():
		return errors.New("--live compares with a server, --kubeconfig, --context and -n with a cluster: give one or the other")
	case (c.live || c.cluster.asked()) && len(args) != 1:
		return fmt.Errorf("want one directory or file, NEW, not %d: OLD is what is there now", len(args))
	case !c.live && !c.cluster.asked() && len(args) != 2:
		return fmt.Errorf("want two directories or files, OLD and NEW, not %d", len(args))
	}
	return nil
}

// compare reads both states. The findings are those of the new one, and of a
// server or cluster only those that it does not have now.
func (c *comparison) compare(ctx context.Context, args []string) (*translate.Difference, []dtab.Finding, error) {
	switch {
	case c.live:
		return c.withServer(ctx, args[0])
	case c.cluster.asked():
		return c.withCluster(ctx, args[0])
	}
	now := time.Now() // the same for both, so that no policy ends in between
	var models [2]*translate.Model
	var old, found []dtab.Finding
	for i, path := range args {
		inv, f, err := discovery.ReadDir(path)
		if err != nil {
			return nil, nil, cannotRead(path, err)
		}
		models[i] = translate.NewModel(inv, now)
		old = found
		found = slices.Concat(f, models[i].Findings())
	}
	d, err := translate.Diff(models[0], models[1], c.router)
	if err != nil {
		return nil, nil, wrongf("%w", err)
	}
	if verdict(old) != nil {
		d.Notes = append(d.Notes, fmt.Sprintf("%s has mistakes, and what they leave out counts as not there; kibble lint -f %s names them", quoted(args[0]), quoted(args[0])))
	}
	return d, found, nil
}

func (c *comparison) withCluster(ctx context.Context, path string) (*translate.Difference, []dtab.Finding, error) {
	more, found, err := discovery.ReadDir(path)
	if err != nil {
		return nil, nil, cannotRead(path, err)
	}
	inv, _, err := c.cluster.read(ctx)
	if err != nil {
		return nil, nil, err
	}
	d, f, err := supposed(translate.NewModel(inv, time.Now()), inv, more, c.router)
	if err != nil {
		return nil, nil, wrongf("%w", err)
	}
	return d, append(found, f...), nil
}

// supposed says what becomes different if more objects are written beside those
// of a model, and what is found then that is not found now.
func supposed(now *translate.Model, inv, more *translate.Inventory, router string) (*translate.Difference, []dtab.Finding, error) {
	next := now.Next(inv.With(more), now.Read())
	d, err := translate.Diff(now, next, router)
	if err != nil {
		return nil, nil, err
	}
	known := now.Findings()
	return d, slices.DeleteFunc(next.Findings(), func(f dtab.Finding) bool { return slices.Contains(known, f) }), nil
}

// proposal is what a server is asked to compare itself with, and judgement its answer.
type proposal struct {
	Router string           `json:"router,omitempty"`
	Texts  []discovery.Text `json:"texts"`
}

type judgement struct {
	Difference *translate.Difference `json:"difference,omitempty"`
	Findings   []dtab.Finding        `json:"findings"`
	// Wrong says why there is no difference, such as a router that is not there.
	Wrong string `json:"wrong,omitempty"`
}

func (c *comparison) withServer(ctx context.Context, path string) (*translate.Difference, []dtab.Finding, error) {
	texts, err := discovery.Texts(path)
	if err != nil {
		return nil, nil, cannotRead(path, err)
	}
	var answer judgement
	if err := c.admin.post(ctx, "/api/diff", proposal{c.router, texts}, &answer); err != nil {
		return nil, nil, err
	}
	if answer.Difference == nil {
		return nil, nil, wrongf("%s", answer.Wrong)
	}
	return answer.Difference, answer.Findings, nil
}

// diff answers /api/diff: it says what becomes different if somebody's objects
// are written beside those that are served. Nothing changes by it, and no file
// is opened that they name.
func (s *serving) diff(body io.Reader) (any, error) {
	var p proposal
	if err := json.NewDecoder(body).Decode(&p); err != nil {
		return nil, fmt.Errorf("not what kibble diff --live sends: %w", err)
	}
	read, model := s.read.Load(), s.model.Load()
	if read == nil || model == nil {
		return judgement{Wrong: "the server has not read its own objects yet"}, nil
	}
	more, found := discovery.ReadTexts(p.Texts)
	d, f, err := supposed(model, read.Inventory, more, p.Router)
	if err != nil {
		return judgement{Wrong: err.Error()}, nil //nolint:nilerr // it is the answer
	}
	return judgement{Difference: d, Findings: append(append([]dtab.Finding{}, found...), f...)}, nil
}

// routers gives those of the new files, for a shell to complete.
func (c *comparison) routers(cmd *cobra.Command) []string {
	args := cmd.Flags().Args()
	if len(args) == 0 {
		return nil
	}
	inv, _, err := discovery.ReadDir(args[len(args)-1])
	if err != nil {
		return nil
	}
	return routerNames(translate.NewModel(inv, time.Now()))
}
