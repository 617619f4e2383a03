package importer

import (
	"net/netip"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"kibble.dev/dtab"
)

// readIf reads if ($variable = text), and its like; nil if that is nothing that
// a policy can ask.
func (n *nginx) readIf(d *directive) *yaml.Node {
	args := append([]string{}, d.args...)
	if len(args) == 0 {
		return nil
	}
	args[0] = strings.TrimPrefix(args[0], "(")
	last := len(args) - 1
	args[last] = strings.TrimSuffix(args[last], ")")
	var words []string
	for i, a := range args {
		if a != "" || i == 2 {
			words = append(words, strings.Trim(a, `"'`))
		}
	}
	switch len(words) {
	case 1:
		return n.condition(d.pos, words[0], "~", "")
	case 2, 3:
		pattern := ""
		if len(words) == 3 {
			pattern = words[2]
		}
		op := words[1]
		if negative, ok := strings.CutPrefix(op, "!"); ok {
			if c := n.condition(d.pos, words[0], negative, pattern); c != nil {
				return negated(c)
			}
			return nil
		}
		return n.condition(d.pos, words[0], op, pattern)
	}
	n.find(d.pos, dtab.Error, CodeLost, "if "+strings.Join(d.args, " ")+" is not a condition that is known here: what is in it is left out", "")
	return nil
}

// condition is what a policy asks instead of comparing a variable. An empty
// pattern asks whether there is a value.
func (n *nginx) condition(pos dtab.Pos, variable, op, pattern string) *yaml.Node {
	variable = strings.Trim(variable, "${}")
	lost := func(why string) *yaml.Node {
		n.find(pos, dtab.Error, CodeLost, "the condition on $"+variable+" is not carried over, nor what depends on it: "+why,
			"policies ask for cookies, headers, addresses, signed tokens and shares of people (docs/how-to/policies.md)")
		return nil
	}
	m := block()
	cookie, isCookie := strings.CutPrefix(variable, "cookie_")
	header, isHeader := strings.CutPrefix(variable, "http_")
	switch {
	case isCookie:
		set(m, "cookie", nil)
	case isHeader, variable == "host":
		set(m, "header", nil)
		if header = strings.ReplaceAll(header, "_", "-"); !isHeader {
			header = "host"
		}
	case variable == "remote_addr" && strings.HasPrefix(op, "="):
		addr, err := netip.ParseAddr(pattern)
		if err != nil {
			return lost(pattern + " is not an address")
		}
		list := sequence()
		list.Content = append(list.Content, text(netip.PrefixFrom(addr, addr.BitLen()).String()))
		list.Style = yaml.FlowStyle
		set(m, "sourceRanges", list)
		return m
	default:
		return lost("there is nothing like it")
	}
	match := block()
	if isCookie {
		header = cookie
	}
	set(match, "name", text(header))
	switch op {
	case "=", "=*":
		set(match, "exact", quotedText(pattern))
		if op == "=*" {
			set(match, "ignoreCase", yes())
		}
	case "~", "~*":
		n.matchPattern(match, op, pattern)
		if _, err := regexp.Compile(pattern); err != nil {
			return lost("the pattern is none of RE2's: " + err.Error())
		}
	default:
		return lost("there is no " + op)
	}
	m.Content[1] = flow(match)
	return m
}

// matchPattern writes a pattern as simply as it can be said.
func (n *nginx) matchPattern(match *yaml.Node, op, pattern string) {
	switch {
	case pattern == "":
		set(match, "regex", quotedText(".+"))
		return
	case regexp.QuoteMeta(pattern) == pattern:
		set(match, "contains", quotedText(pattern))
	default:
		set(match, "regex", quotedText(pattern))
	}
	if op == "~*" {
		set(match, "ignoreCase", yes())
	}
}

func quotedText(s string) *yaml.Node {
	t := text(s)
	t.Style = yaml.DoubleQuotedStyle
	return t
}
