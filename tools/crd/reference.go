package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const referenceHead = `# The objects

Every field of Kibble's objects, as the API server knows them; the same YAML is read from files. This page is made from the Go types by ` + "`make generate`" + `.

Defaults are those of an absent field. Of each kind, ` + "`kubectl explain`" + ` says the same.
`

// document gives the section of a kind.
func document(kind string, schema object) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| Field | Type | What it says |\n|---|---|---|\n", kind, text(schema))
	rows(&b, "spec", property(schema, "spec"))
	return b.String()
}

// rows writes the fields of an object, and of those inside.
func rows(b *strings.Builder, path string, schema object) {
	properties, _ := schema["properties"].(object)
	required, _ := schema["required"].([]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		p := property(schema, name)
		what := text(p)
		if slices.Contains(required, any(name)) {
			what = strings.TrimSpace("Required. " + what)
		}
		if def, ok := p["default"]; ok {
			what += fmt.Sprintf(" Default `%v`.", def)
		}
		if values, ok := p["enum"].([]any); ok && len(values) > 0 {
			what += " One of " + list(values) + "."
		}
		what += rules(p)
		fmt.Fprintf(b, "| `%s.%s` | %s | %s |\n", path, name, typeOf(p), strings.TrimSpace(what))
		inner := p
		if items, ok := p["items"].(object); ok {
			inner = items
		}
		// A selector of labels is that of Kubernetes.
		if name != "namespaceSelector" {
			rows(b, path+"."+name, inner)
		}
	}
}

func typeOf(p object) string {
	items, _ := p["items"].(object)
	switch {
	case p["type"] == nil:
		return "condition"
	case items != nil:
		return "list of " + fmt.Sprint(items["type"])
	}
	return fmt.Sprint(p["type"])
}

// list gives the values that a user would write.
func list(values []any) string {
	var texts []string
	for _, v := range values {
		if v != "" {
			texts = append(texts, fmt.Sprintf("`%v`", v))
		}
	}
	return strings.Join(texts, ", ")
}

// rules gives what a schema asks for beside types.
func rules(p object) string {
	var out string
	if low, high := p["minimum"], p["maximum"]; low != nil && high != nil {
		out += fmt.Sprintf(" From %v to %v.", low, high)
	}
	at := p
	items, list := p["items"].(object)
	if list {
		at = items
	}
	switch many, long := p["maxItems"], at["maxLength"]; {
	case many != nil && long != nil:
		out += fmt.Sprintf(" At most %v, of at most %v characters each.", many, long)
	case many != nil:
		out += fmt.Sprintf(" At most %v.", many)
	case long != nil:
		out += fmt.Sprintf(" At most %v characters.", long)
	}
	all, _ := at["x-kubernetes-validations"].([]any)
	for _, r := range all {
		message := escape(fmt.Sprint(r.(object)["message"]))
		out += " Rule: " + message + "."
	}
	return out
}

func text(p object) string {
	s, _ := p["description"].(string)
	return escape(s)
}

// escape makes a text fit into the cell of a table.
func escape(s string) string {
	return strings.NewReplacer("\n", " ", "|", `\|`, "<", "&lt;").Replace(strings.TrimSpace(s))
}
