package dogfood

import (
	"cmp"
	"slices"
	"strings"

	"kibble.dev/dtab"
)

// Join is what a policy's links do.
type Join struct {
	// Path that the links are below, without a slash at its end.
	Path string
	// Cookie and Value that the condition asks for.
	Cookie, Value string
	// Rest is what the condition asks for beside the cookie; nil: nothing.
	Rest Condition
}

// defaultJoinPath is where links are unless a policy says otherwise.
const defaultJoinPath = "/-/dogfood"

// leave is the last segment of the link that leads out.
const leave = "leave"

// Link is what a request for a link gets.
type Link struct {
	// Joins is the id of the environment; "" of the link that leads out.
	Joins string
	// Cookies to set, by name; an empty value takes the cookie away.
	Cookies map[string]string
}

// LinkPaths gives the paths that links of the policies are below, each with a
// slash at its end.
func LinkPaths(policies []Policy) []string {
	var all []string
	for _, p := range policies {
		if p.Join != nil {
			all = append(all, p.Join.Path+"/")
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Follow decides a request for a link. It is not asked for where the path is
// not below one of LinkPaths; a nil link then means that there is no such page,
// at least not for who asks. The link that leads out takes away the cookies of
// all policies with its path.
func Follow(policies []Policy, r Request, verify Verify) (link *Link, asked bool) {
	path, _, _ := strings.Cut(r.Path, "?")
	for _, p := range policies {
		if p.Join == nil || !strings.HasPrefix(path, p.Join.Path+"/") {
			continue
		}
		asked = true
		if p.Join.Rest != nil && !p.Join.Rest.Explain(r, verify).Holds {
			continue
		}
		switch path {
		case p.LinkPath():
			return &Link{Joins: p.ID, Cookies: map[string]string{p.Join.Cookie: p.Join.Value}}, true
		case p.Join.LeavePath():
			return &Link{Cookies: cookiesBelow(policies, p.Join.Path)}, true
		}
	}
	return nil, asked
}

// LinkPath is the path of the link that leads into a policy with links.
func (p Policy) LinkPath() string { return p.Join.Path + "/" + p.ID }

// LeavePath is the path of the link that leads out.
func (j *Join) LeavePath() string { return j.Path + "/" + leave }

// cookiesBelow gives the cookies of the policies whose links have a path, each empty.
func cookiesBelow(policies []Policy, path string) map[string]string {
	all := map[string]string{}
	for _, p := range policies {
		if p.Join != nil && p.Join.Path == path {
			all[p.Join.Cookie] = ""
		}
	}
	return all
}

// join reads the links of a policy, whose condition is compiled. Of one that
// cannot be used nothing is to be asked.
func (c compiler) join(p Policy, fill func(string) string) *Join {
	in := c.obj.Spec.Join
	if in == nil || c.report.failed() {
		return nil
	}
	refuse := func(field, message, hint string) *Join {
		c.report.add(dtab.Error, codeJoin, field, message, hint)
		return nil
	}
	if p.Name == leave {
		return refuse("spec.join", "the link of a policy of that name is the one that leads out", "rename the policy")
	}
	j := &Join{Path: cmp.Or(in.Path, defaultJoinPath), Value: fill(in.Value)}
	var is Text
	var rest All
	cookies := 0
	for _, member := range conjunctsOf(p.When) {
		if cookie, ok := member.(Cookie); ok {
			j.Cookie, is = cookie.Name, cookie.Is
			cookies++
			continue
		}
		rest = append(rest, member)
	}
	if cookies != 1 {
		return refuse("spec.join", "the links do not know which cookie to set", "let the condition ask for exactly one cookie: cookie beside the other fields, or in all")
	}
	switch {
	case len(rest) == 1:
		j.Rest = rest[0]
	case len(rest) > 1:
		j.Rest = rest
	}
	if j.Value == "" && is.Op != OpRegex {
		j.Value = is.Want
	}
	switch {
	case j.Value == "":
		return refuse("spec.join.value", "the links do not know which value the cookie is to have", "set value to a text that the condition's regular expression matches")
	case !is.Matches(j.Value):
		return refuse("spec.join.value", "with the value "+quote(j.Value)+" the condition does not hold: "+is.String(), "a value that the condition takes")
	case strings.ContainsFunc(j.Value+j.Cookie, notInCookie):
		return refuse("spec.join.value", "the cookie holds a character that a cookie cannot", "letters, digits and most signs, but no blanks, quotes, commas, semicolons or backslashes")
	}
	return j
}

// conjunctsOf are the members of a condition that must all hold.
func conjunctsOf(c Condition) []Condition {
	all, ok := c.(All)
	if !ok {
		return []Condition{c}
	}
	var members []Condition
	for _, m := range all {
		members = append(members, conjunctsOf(m)...)
	}
	return members
}

// notInCookie tells the characters that cannot stand in a cookie (RFC 6265, 4.1.1).
func notInCookie(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`",;\`, r)
}
