package translate

import (
	"maps"
	"slices"
	"strings"

	xdsmatcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"

	"kibble.dev/dogfood"
)

// foretoldName is the extension of a router that holds what the resolver would
// say about overrides that come often.
func foretoldName(router string) string { return router + "/overrides" }

// Foretellable tells whether proxies can be told in advance what the resolver
// says about an override: it depends on nothing but the host and the headers
// that carry context, each of one line, and there is one place to go.
func (m *Model) Foretellable(o Override) bool {
	r, _ := m.asked(o)
	if r == nil || slices.ContainsFunc(r.identifier.vars, func(v variable) bool { return v != hostVar }) ||
		r.identifier.kind == identifyIngress {
		return false
	}
	rules := false
	for _, header := range []string{HeaderDtab, HeaderCtxDtab, headerDogfood} {
		lines := o.Request.Header[header]
		if len(lines) > 1 || len(lines) == 1 && !oneLine(lines[0]) {
			return false
		}
		// To a matcher two lines look like one with a comma, which is none of ours inside.
		if header != headerDogfood && !r.untrusted() && strings.Contains(strings.Join(lines, ""), ",") {
			return false
		}
		rules = rules || header != headerDogfood && len(lines) > 0
	}
	if !rules || !oneLine(o.Request.Host) {
		return false
	}
	res := m.Resolve(o)
	return res.Status == 200 && len(res.Branches) == 1
}

// oneLine tells that a value is plain text that is not empty.
func oneLine(text string) bool {
	return text != "" && strings.IndexFunc(text, func(c rune) bool { return c < ' ' || c > '~' }) < 0
}

// Foretell gives a snapshot of this model with the answers to these overrides,
// by which proxies need not ask the resolver for them. Those that are not, or
// no longer, foretellable are left out. The given snapshot is not changed.
func (m *Model) Foretell(s *Snapshot, overrides []Override) *Snapshot {
	byRouter := map[string][]Override{}
	for _, o := range overrides {
		if m.Foretellable(o) {
			byRouter[o.Router] = append(byRouter[o.Router], o)
		}
	}
	if len(byRouter) == 0 {
		return s
	}
	told := &Snapshot{Classes: maps.Clone(s.Classes)}
	for _, name := range sortedKeys(byRouter) {
		r, _ := m.asked(byRouter[name][0])
		class := told.Classes[r.spec.ProxyClass]
		if class == nil {
			continue
		}
		if class == s.Classes[r.spec.ProxyClass] {
			class = class.copied()
			told.Classes[r.spec.ProxyClass] = class
		}
		m.foretell(r, class, byRouter[name])
	}
	return told
}

// copied gives a copy to which resources can be added.
func (c *ClassSnapshot) copied() *ClassSnapshot {
	own := *c
	own.Resources = maps.Clone(c.Resources)
	for _, typ := range []string{ClusterType, EndpointType, ExtensionType} {
		own.Resources[typ] = maps.Clone(c.Resources[typ])
	}
	own.Local = maps.Clone(c.Local)
	return &own
}

// foretell puts the answers of one router into its class.
func (m *Model) foretell(r *router, class *ClassSnapshot, overrides []Override) {
	var all []foretold
	clusters := map[string]bool{}
	for _, o := range overrides {
		res := m.Resolve(o)
		b := res.Branches[0]
		for _, need := range b.Resources {
			typ := need.Body.TypeUrl
			if class.Resources[typ][need.Name] == nil {
				class.Resources[typ][need.Name] = need
				if local := b.Local[need.Name]; local != nil && typ == EndpointType {
					class.Local[need.Name] = local
				}
			}
		}
		clusters[b.Cluster] = true
		all = append(all, foretold{override: o, dtab: res.Dtab, branch: b})
	}
	of := &maker{source: r.describe()}
	ext := foretoldExtension(foretoldName(r.key.String()), all)
	if made := of.extension(ext, validateDeep(ext), sortedKeys(clusters), withoutOverrides()); made != nil {
		class.Resources[ExtensionType][ext.Name] = made
	}
}

// foretold is an override and the resolver's answer to it.
type foretold struct {
	override Override
	dtab     string
	branch   ResolvedBranch
}

// foretoldExtension is the filter that does for these overrides what the
// resolver would: it finds them by the caller's rules in a hash map.
func foretoldExtension(name string, all []foretold) *corev3.TypedExtensionConfig {
	config := &compositev3.Composite{}
	byRules, byContext := map[string][]foretold{}, map[string][]foretold{}
	for _, f := range all {
		h := f.override.Request.Header
		if len(h[HeaderDtab]) > 0 {
			byRules[h[HeaderDtab][0]] = append(byRules[h[HeaderDtab][0]], f)
		} else {
			byContext[h[HeaderCtxDtab][0]] = append(byContext[h[HeaderCtxDtab][0]], f)
		}
	}
	if len(byContext) > 0 {
		tree := exactMap(headerInput(HeaderCtxDtab), foretoldLists(byContext), nil)
		config.Matcher = when(noneOf(hasHeader(HeaderDtab)), nested(tree))
	}
	if len(byRules) > 0 {
		var rest *xdsmatcherv3.Matcher_OnMatch
		if config.Matcher != nil {
			rest = nested(config.Matcher)
		}
		config.Matcher = exactMap(headerInput(HeaderDtab), foretoldLists(byRules), rest)
	}
	return extension(name, config)
}

func foretoldLists(by map[string][]foretold) map[string]*xdsmatcherv3.Matcher_OnMatch {
	lists := map[string]*xdsmatcherv3.Matcher_OnMatch{}
	for rules, all := range by {
		list := &xdsmatcherv3.Matcher_MatcherList{}
		for _, f := range all {
			list.Matchers = append(list.Matchers, &xdsmatcherv3.Matcher_MatcherList_FieldMatcher{
				Predicate: f.predicate(), OnMatch: execute([]*corev3.TypedExtensionConfig{f.mutations(), routeAgain()}),
			})
		}
		lists[rules] = nested(&xdsmatcherv3.Matcher{MatcherType: &xdsmatcherv3.Matcher_MatcherList_{MatcherList: list}})
	}
	return lists
}

// predicate holds for the host and the context that the answer is for.
func (f foretold) predicate() *xdsPredicate {
	is := func(header, value string) *xdsPredicate {
		return matchesValue(headerInput(header), xdsString(dogfood.Text{Op: dogfood.OpExact, Want: value}))
	}
	all := []*xdsPredicate{is(":authority", f.override.Request.Host)}
	for _, header := range []string{HeaderCtxDtab, headerDogfood} {
		if lines := f.override.Request.Header[header]; len(lines) > 0 {
			all = append(all, is(header, lines[0]))
		} else {
			all = append(all, noneOf(hasHeader(header)))
		}
	}
	return allOf(all)
}

// mutations are what the resolver's answer does to the request.
func (f foretold) mutations() *corev3.TypedExtensionConfig {
	set := func(name, value string) *mutationrulesv3.HeaderMutation {
		return appendHeader(setHeader(name, escapeFormat(value)))
	}
	all := []*mutationrulesv3.HeaderMutation{removeHeader(HeaderDtab), set(HeaderCluster, f.branch.Cluster)}
	if f.branch.Dst != "" {
		all = append(all, set(HeaderDst, f.branch.Dst))
	}
	if f.dtab != "" {
		all = append(all, set(HeaderCtxDtab, f.dtab))
	} else {
		all = append(all, removeHeader(HeaderCtxDtab))
	}
	return extension("answer", &mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{RequestMutations: all}})
}
