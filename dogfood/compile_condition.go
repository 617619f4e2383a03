package dogfood

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"github.com/cespare/xxhash/v2"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// conditionCompiler reads conditions whose fields are valid one by one.
type conditionCompiler struct {
	report *report
	// fill puts the namespace into a text.
	fill func(string) string
	// name of the policy, from which the seed of its percentages is made: two
	// policies choose different people, the members of a family the same.
	name string
	// namespace of the policy, where its Secrets are.
	namespace string
	facts     Facts
}

// compile gives the condition that an object stands for: its fields ANDed. After
// a finding of severity error it is nil, or one that must not be asked.
func (c conditionCompiler) compile(path string, in v1alpha1.Condition) Condition {
	var all All
	if in.Cookie != nil {
		all = append(all, c.cookie(path+".cookie", *in.Cookie))
	}
	if in.Header != nil {
		all = append(all, c.header(path+".header", *in.Header))
	}
	if len(in.SourceRanges) > 0 {
		all = append(all, c.source(path+".sourceRanges", in.SourceRanges))
	}
	var token JWT
	if in.JWT != nil {
		token = c.jwt(path+".jwt", *in.JWT)
		all = append(all, token)
	}
	if in.Percent != nil {
		all = append(all, c.percent(path+".percent", *in.Percent, token))
	}
	all = append(all, c.list(path+".all", in.All)...)
	if members := c.list(path+".any", in.Any); len(members) > 0 {
		all = append(all, single(members, func() Condition { return Any(members) }))
	}
	if in.Not != nil {
		all = append(all, Not{c.compile(path+".not", *in.Not)})
	}
	if len(all) == 0 {
		c.report.add(dtab.Error, codeCondition, path, "the condition is empty, and an empty one never holds",
			"say who it is for: cookie, header, sourceRanges, jwt, percent, all, any or not")
		return nil
	}
	return single(all, func() Condition { return all })
}

func (c conditionCompiler) list(path string, in []v1alpha1.Condition) []Condition {
	var out []Condition
	for i, member := range in {
		out = append(out, c.compile(path+"["+strconv.Itoa(i)+"]", member))
	}
	return out
}

// single gives the only member of a list, or else the list as a condition.
func single(members []Condition, whole func() Condition) Condition {
	if len(members) == 1 {
		return members[0]
	}
	return whole()
}

func (c conditionCompiler) cookie(path string, m v1alpha1.Match) Condition {
	c.checkCookieName(path+".name", m.Name)
	out := Cookie{Name: m.Name, Is: c.text(path, m)}
	if out.Is.Op == OpExact && out.Is.Want == "" {
		c.report.add(dtab.Error, codeCondition, path+".exact", "an empty cookie counts as none, so this never holds", `for "no such cookie", not: {cookie: {name: …, regex: ".*"}}`)
	}
	return out
}

// checkCookieName refuses names that cannot stand in Envoy's format strings.
func (c conditionCompiler) checkCookieName(path, name string) {
	if strings.Contains(name, "%") {
		c.report.add(dtab.Error, codeCondition, path, "the name of the cookie holds a %, which Envoy's formats cannot say", "choose another name")
	}
}

func (c conditionCompiler) header(path string, m v1alpha1.Match) Condition {
	return Header{Name: c.headerName(path+".name", m.Name), Is: c.text(path, m)}
}

// text reads what to compare with.
func (c conditionCompiler) text(path string, m v1alpha1.Match) Text {
	for op, want := range map[Op]*string{
		OpExact: m.Exact, OpPrefix: m.Prefix, OpSuffix: m.Suffix, OpContains: m.Contains, OpRegex: m.Regex,
	} {
		if want == nil {
			continue
		}
		t := Text{Op: op, Want: c.fill(*want), IgnoreCase: m.IgnoreCase}
		c.checkText(path+"."+string(op), &t)
		return t
	}
	return Text{} // Validate has said so
}

func (c conditionCompiler) checkText(path string, t *Text) {
	switch t.Op {
	case OpExact:
	case OpRegex:
		var err error
		t.Pattern, t.search, err = compileRegex(t.Want, t.IgnoreCase)
		if err != nil {
			c.report.add(dtab.Error, codeRegex, path, "the regular expression cannot be used: "+err.Error(),
				"RE2 syntax (https://github.com/google/re2/wiki/Syntax), ASCII, not too large")
		}
	default:
		if t.Want == "" {
			c.report.add(dtab.Error, codeCondition, path, "there is nothing to compare with", `for any value, regex: ".*"`)
		}
	}
}

func (c conditionCompiler) source(path string, in []string) Condition {
	var s Source
	for i, text := range in {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			c.report.add(dtab.Error, codeCondition, path+"["+strconv.Itoa(i)+"]", quote(text)+" is not a network", "a network such as 10.0.0.0/8")
			continue
		}
		s.Ranges = append(s.Ranges, p.Masked())
	}
	return s
}

func (c conditionCompiler) percent(path string, in v1alpha1.Percent, token JWT) Condition {
	p := Percent{Millionths: Millionths(in.Of), Seed: xxhash.Sum64String(c.name), Cookie: in.Cookie}
	if in.Header != "" {
		p.Header = c.headerName(path+".header", in.Header)
	}
	c.checkCookieName(path+".cookie", in.Cookie)
	if in.Claim != "" {
		token.Claims = nil
		p.Token, p.Claim = &token, c.claimPath(path+".claim", in.Claim)
		if strings.ContainsFunc(in.Claim, unicode.IsControl) {
			c.report.add(dtab.Error, codeCondition, path+".claim", "the name of the claim holds a control character, which Envoy's formats cannot say", "choose another claim")
		}
		if strings.ContainsAny(in.Claim, "%:()") {
			c.report.add(dtab.Error, codeCondition, path+".claim", "the name of the claim holds one of % : ( ), which Envoy's formats cannot say", "choose another claim")
		}
	}
	return p
}

// Millionths reads a percentage with up to 4 decimals, which Validate has checked.
func Millionths(percent string) uint32 {
	whole, fraction, _ := strings.Cut(percent, ".")
	n, _ := strconv.ParseUint(whole+(fraction + "0000")[:4], 10, 32)
	return uint32(n)
}
