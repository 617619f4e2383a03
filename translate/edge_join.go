package translate

import (
	_ "embed"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	xdsmatcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	matchingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/matching/v3"
	skipv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/matcher/action/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"

	"kibble.dev/dogfood"
)

//go:embed edge_join.lua
var joinLua string

// joinSeconds is how long a cookie stays that a link has set, unless its policy
// ends by itself.
const joinSeconds = 7 * 24 * 60 * 60

// withLinks has requests for links of policies answered, and others decided as
// the matcher says. A link is a look-up in a table, however many there are.
func withLinks(policies []dogfood.Policy, rest *xdsmatcherv3.Matcher) *xdsmatcherv3.Matcher {
	var below []*xdsPredicate
	for _, path := range dogfood.LinkPaths(policies) {
		below = append(below, conditionPredicate(dogfood.Header{Name: ":path", Is: dogfood.Text{Op: dogfood.OpPrefix, Want: path}}))
	}
	if len(below) == 0 {
		return rest
	}
	m := when(anyOf(below), execute(linkChain(policies)))
	m.OnNoMatch = nested(rest)
	return m
}

// linkGroup are the policies that ask for the same beside their cookies.
type linkGroup struct {
	rest     dogfood.Condition // nil: nothing
	policies []dogfood.Policy
}

func linkGroups(policies []dogfood.Policy) []*linkGroup {
	byRest := map[string]*linkGroup{}
	var groups []*linkGroup
	for _, p := range policies {
		if p.Join == nil {
			continue
		}
		key := ""
		if p.Join.Rest != nil {
			key = p.Join.Rest.String()
		}
		if byRest[key] == nil {
			byRest[key] = &linkGroup{rest: p.Join.Rest}
			groups = append(groups, byRest[key])
		}
		byRest[key].policies = append(byRest[key].policies, p)
	}
	return groups
}

// linkChain answers requests below the paths of links: each group of policies
// those for whom the rest of its conditions holds, and the last filter all others.
func linkChain(policies []dogfood.Policy) []*corev3.TypedExtensionConfig {
	groups := linkGroups(policies)
	var conditions []dogfood.Condition
	for _, g := range groups {
		if g.rest != nil {
			conditions = append(conditions, g.rest)
		}
	}
	chain := layOut(conditions, nil)
	for i, g := range groups {
		name := "links-" + strconv.Itoa(i)
		if g.rest == nil {
			chain = append(chain, extension(name, g.pages(policies)))
			continue
		}
		chain = append(chain, extension(name, &matchingv3.ExtensionWithMatcher{
			ExtensionConfig: extension(name, g.pages(policies)),
			XdsMatcher:      when(noneOf(conditionPredicate(g.rest)), act("skip", &skipv3.SkipFilter{})),
		}))
	}
	const nothing = `function envoy_on_request(handle) handle:respond({[":status"] = "404", ["content-type"] = "text/plain"}, "no such page\n") end`
	return append(chain, extension("no-link", script(nothing)))
}

// pages is the filter that answers for a group.
func (g *linkGroup) pages(all []dogfood.Policy) *luav3.Lua {
	pages := map[string][]string{}
	for _, p := range g.policies {
		pages[p.LinkPath()] = []string{joinCookie(p)}
		pages[p.Join.LeavePath()] = leaveCookies(all, p.Join.Path)
	}
	var b strings.Builder
	b.WriteString("local pages = {\n")
	for _, path := range sortedKeys(pages) {
		fmt.Fprintf(&b, "  [%q] = {", path)
		for _, c := range pages[path] {
			fmt.Fprintf(&b, "%q, ", c)
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n")
	return script(b.String() + joinLua)
}

func joinCookie(p dogfood.Policy) string {
	text := p.Join.Cookie + "=" + p.Join.Value
	if p.Expires.IsZero() {
		return text + "; Max-Age=" + strconv.Itoa(joinSeconds)
	}
	return text + "; Expires=" + p.Expires.UTC().Format(http.TimeFormat)
}

func leaveCookies(policies []dogfood.Policy, path string) []string {
	var all []string
	for _, p := range policies {
		if p.Join != nil && p.Join.Path == path {
			all = append(all, p.Join.Cookie+"=; Max-Age=0")
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func script(source string) *luav3.Lua {
	return &luav3.Lua{DefaultSourceCode: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: source}}}
}
