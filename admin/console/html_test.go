package console

import (
	"errors"
	"io"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// wellFormed checks a page: tags are balanced, and what screen readers need is there.
func wellFormed(t *testing.T, body string) {
	t.Helper()
	balanced(t, body)
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	count := map[atom.Atom]int{}
	ids, labels := map[string]bool{}, map[string]bool{}
	var fields []*html.Node
	level := 0
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.DataAtom]++
		if id := attr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("two elements have the id %s", id)
			}
			ids[id] = true
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("<%s %s=%q>: what the content security policy forbids", n.Data, a.Key, a.Val)
			}
		}
		switch n.DataAtom {
		case atom.Html:
			if attr(n, "lang") == "" {
				t.Error("the page does not say its language")
			}
		case atom.Label:
			labels[attr(n, "for")] = true
		case atom.Input, atom.Select, atom.Textarea:
			fields = append(fields, n)
		case atom.Th:
			if attr(n, "scope") == "" {
				t.Error("a <th> without scope")
			}
		case atom.Table:
			if !hasChild(n, atom.Caption) {
				t.Error("a <table> without caption")
			}
		case atom.H1, atom.H2, atom.H3:
			now := int(n.Data[1] - '0')
			if now > level+1 {
				t.Errorf("heading %d after %d", now, level)
			}
			level = now
		case atom.Script, atom.Style, atom.Iframe, atom.Object:
			t.Errorf("there is a <%s>", n.Data)
		}
	}
	for _, f := range fields {
		if attr(f, "type") != "hidden" && !has(f, "hidden") && !labels[attr(f, "id")] {
			t.Errorf("<%s name=%q> has no label", f.Data, attr(f, "name"))
		}
	}
	for l := range labels {
		if !ids[l] {
			t.Errorf("a label for %q, which is not there", l)
		}
	}
	for _, a := range []atom.Atom{atom.H1, atom.Main, atom.Header, atom.Title} {
		if count[a] != 1 {
			t.Errorf("%d <%s>", count[a], a)
		}
	}
}

// balanced checks that every tag that is opened is closed, in order: html.Parse
// forgives what is not.
func balanced(t *testing.T, body string) {
	t.Helper()
	void := map[string]bool{"meta": true, "link": true, "input": true, "br": true, "option": true}
	var open []string
	z := html.NewTokenizer(strings.NewReader(body))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Error(z.Err())
			}
			if len(open) > 0 {
				t.Error("not closed:", open)
			}
			return
		case html.StartTagToken:
			if name, _ := z.TagName(); !void[string(name)] {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if void[string(name)] {
				continue
			}
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Fatalf("</%s> closes %v", name, open)
			}
			open = open[:len(open)-1]
		}
	}
}

// words gives the text of a page's main part, a line for each block.
func words(t *testing.T, body string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	var walk func(n *html.Node, indent string)
	walk = func(n *html.Node, indent string) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(strings.ReplaceAll(n.Data, "\n", " "))
		case has(n, "hidden") || n.DataAtom == atom.Datalist:
			return
		case n.DataAtom == atom.Input && attr(n, "type") != "hidden":
			b.WriteString("[" + attr(n, "value") + "]")
		}
		switch n.DataAtom {
		case atom.Ul:
			indent += "  "
		case atom.Li, atom.P, atom.H1, atom.H2, atom.H3, atom.Tr, atom.Caption, atom.Br, atom.Dt, atom.Pre:
			b.WriteString("\n" + indent)
		case atom.Td, atom.Th:
			b.WriteString(" | ")
		case atom.Dd:
			b.WriteString(": ")
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, indent)
		}
	}
	for n := range doc.Descendants() {
		if n.DataAtom == atom.Main {
			walk(n, "")
		}
	}
	var out strings.Builder
	for line := range strings.Lines(b.String()) {
		text := strings.TrimRight(line, " \n")
		if indent := len(text) - len(strings.TrimLeft(text, " ")); strings.TrimSpace(text) != "" {
			out.WriteString(strings.Repeat(" ", indent) + strings.Join(strings.Fields(text), " ") + "\n")
		}
	}
	return out.String()
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

func hasChild(n *html.Node, a atom.Atom) bool {
	for c := range n.ChildNodes() {
		if c.DataAtom == a {
			return true
		}
	}
	return false
}
