package discovery

import (
	"context"
	"slices"
	"sync"

	"kibble.dev/dtab"
)

// watchOver has a guard until the end that it gives is called.
func (f *follower) watchOver(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	g := newGuard(f.at.kind, f.definition)
	f.guard = g
	f.confirm = func(missing bool) (bool, error) { return g.end(ctx, missing) }
	var running sync.WaitGroup
	running.Go(func() {
		g.run(ctx, func(gone, kept map[id]bool) {
			all := map[id]reading{}
			for i := range gone {
				all[i] = reading{}
			}
			for i := range kept {
				all[i] = reading{kept: true}
			}
			f.inbox.put(all)
		})
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// begin is called before a request, which may be one for all objects.
func (f *follower) begin(ctx context.Context, all bool) error {
	if f.guard == nil || !all {
		return nil
	}
	return f.guard.begin(ctx)
}

// lost adds what is to be said of the objects that are no longer known. An
// error says that what is known now does not count.
func (f *follower) lost(known map[id]bool, to map[id]reading) error {
	var missing []id
	for i := range f.known {
		if !known[i] {
			missing = append(missing, i)
		}
	}
	kept := false
	if f.confirm != nil {
		var err error
		if kept, err = f.confirm(len(missing) > 0); err != nil {
			return err
		}
	}
	for _, i := range missing {
		to[i] = reading{kept: kept}
	}
	for i, before := range f.recalled {
		if !known[i] && (kept || before) {
			to[i] = reading{kept: true}
		}
	}
	f.recalled = nil
	return nil
}

// recalledIn gives the objects in a scope that an earlier process served, and
// whether they had gone with their kind.
func (c *Cluster) recalledIn(at scope) map[id]bool {
	all := map[id]bool{}
	for i := range c.recalled {
		if at.ours() && i.kind == at.kind && (at.namespace == "" || i.namespace == at.namespace) {
			all[i] = c.kept[i]
		}
	}
	return all
}

// keeps gives the objects that went with their kind, sorted.
func (c *Cluster) keeps() []Object {
	var all []Object
	for i := range c.kept {
		all = append(all, Object{Kind: i.kind, Namespace: i.namespace, Name: i.name})
	}
	slices.SortFunc(all, compareObjects)
	return all
}

// keep goes on with an object that went with its kind, as it was served last.
func (c *Cluster) keep(i id) {
	source := i.String()
	if old, ok := c.recalled[i]; ok {
		delete(c.recalled, i)
		c.store.set(source, []object{old})
	}
	delete(c.findings, i)
	if len(c.store.sources[source]) == 0 {
		return // it never was served
	}
	c.kept[i] = true
	c.findings[i] = []dtab.Finding{{
		Code: codeUninstalled, Severity: dtab.Error, Pos: dtab.Pos{Source: nameOf(i)},
		Message: "the CustomResourceDefinition of this object was deleted, and the object with it; its last form goes on being served",
		Hint:    "apply the CustomResourceDefinitions and the object again; to be rid of it, delete it then",
	}}
}
