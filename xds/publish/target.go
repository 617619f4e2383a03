package publish

import (
	"cmp"
	"reflect"
	"slices"

	"kibble.dev/translate"
)

// byName holds resources of one type by name.
type byName = map[string]*translate.Resource

// target is what the proxies of a class are to have.
type target struct {
	snap *translate.ClassSnapshot
	// extra is what was added by hand; what snap brings under the same name wins.
	extra *translate.ClassSnapshot
}

// layers are where a name is looked for, in this order.
func (t *target) layers() [2]*translate.ClassSnapshot {
	if t.extra == nil {
		return [2]*translate.ClassSnapshot{t.snap, {}}
	}
	return [2]*translate.ClassSnapshot{t.snap, t.extra}
}

// get gives the resource of a name for a proxy at these scopes, nil if there
// is none, and the scope that it was found under ("" for all proxies).
func (t *target) get(typ, name string, scopes []translate.Scope) (*translate.Resource, translate.Scope) {
	for _, layer := range t.layers() {
		if local := layer.Local[name]; localType(local) == typ {
			for _, s := range scopes {
				if r := local[s]; r != nil {
					return r, s
				}
			}
		}
		if at := layer.AtPods[name]; at != nil && typ == translate.ListenerType {
			for _, s := range scopes {
				if r := at.At(s); r != nil {
					return r, s
				}
			}
		}
		if r := layer.Resources[typ][name]; r != nil {
			return r, ""
		}
	}
	return nil, ""
}

// has says whether any proxy is to have the name.
func (t *target) has(typ, name string) bool {
	r, _ := t.get(typ, name, nil)
	for _, layer := range t.layers() {
		if localType(layer.Local[name]) == typ || typ == translate.ListenerType && layer.AtPods[name] != nil {
			return true
		}
	}
	return r != nil
}

// at gives what is wanted under a key, nil for nothing.
func (t *target) at(k key) *translate.Resource {
	var scopes []translate.Scope
	if k.scope != "" {
		scopes = []translate.Scope{k.scope}
	}
	want, _ := t.get(k.typ, k.name, scopes)
	return want
}

// names calls f with each name of a type; some may come twice.
func (t *target) names(typ string, f func(name string)) {
	for _, layer := range t.layers() {
		for name := range layer.Resources[typ] {
			f(name)
		}
		for name, local := range layer.Local {
			if localType(local) == typ {
				f(name)
			}
		}
		if typ == translate.ListenerType {
			for name := range layer.AtPods {
				f(name)
			}
		}
	}
}

// diff calls f with each name whose resource was added, removed or changed
// between two layers, or came to be on demand or ceased to be; was or is may be nil.
func diff(was, is map[string]byName, f func(typ, name string, was, is *translate.Resource)) {
	for _, typ := range unionKeys(was, is) {
		if sameMap(was[typ], is[typ]) {
			continue
		}
		kept := 0
		for name, old := range was[typ] {
			now := is[typ][name]
			if now != nil {
				kept++
			}
			if !equal(old, now) || (old.Leads == nil) != (now.Leads == nil) || now != nil && (old.Asks != now.Asks || old.OnAsk != now.OnAsk) {
				f(typ, name, old, now)
			}
		}
		if kept == len(is[typ]) {
			continue // none is new
		}
		for name, now := range is[typ] {
			if was[typ][name] == nil {
				f(typ, name, nil, now)
			}
		}
	}
}

// localType gives the type of the resources of a name that differ by scope, ""
// if there are none.
func localType(local map[translate.Scope]*translate.Resource) string {
	for _, r := range local {
		return r.Body.GetTypeUrl()
	}
	return ""
}

// diffLocal calls f with each scope of each name whose local resource differs.
func diffLocal(was, is map[string]map[translate.Scope]*translate.Resource, f func(typ, name string, s translate.Scope, is *translate.Resource)) {
	if sameMap(was, is) {
		return
	}
	for _, name := range unionKeys(was, is) {
		if sameMap(was[name], is[name]) {
			continue
		}
		typ := cmp.Or(localType(was[name]), localType(is[name]))
		for s, old := range was[name] {
			if now := is[name][s]; !equal(old, now) {
				f(typ, name, s, now)
			}
		}
		for s, now := range is[name] {
			if was[name][s] == nil {
				f(typ, name, s, now)
			}
		}
	}
}

func equal(a, b *translate.Resource) bool {
	return a == b || a != nil && b != nil && a.Version == b.Version
}

// sameMap says that two maps are one and the same, so that nothing in them differs.
func sameMap[K comparable, V any](a, b map[K]V) bool {
	return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}

// unionKeys gives the keys of both maps, sorted.
func unionKeys[K cmp.Ordered, V any](a, b map[K]V) []K {
	keys := make([]K, 0, max(len(a), len(b)))
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}
