package importer

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// placeholder is what a tool puts something else for before linkerd reads the
// file: of Helm and other templates, of shells, envsubst and Terraform.
var placeholder = regexp.MustCompile(`\{\{.*?\}\}|<%.*?%>|\$?\$\{[^{}]+\}|\$\([A-Za-z_][A-Za-z0-9_]*\)`)

// fillIn is the hint for a text that does not parse because something is still to
// be put into it, or that is a script which writes the file. "" for any other.
func fillIn(text string) string {
	if strings.HasPrefix(text, "#!") {
		return "this is a script: import the file that it writes"
	}
	found := placeholder.FindString(text)
	switch {
	case found == "" || strings.ContainsFunc(found, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }):
		return ""
	case strings.HasPrefix(found, "{{"):
		return "this is a template: import what helm template (or whatever fills in " + found + ") makes of it"
	}
	return found + " is still to be filled in: import the file with what stands there when linkerd reads it"
}

// tabbed is the hint for YAML that is indented by tabs.
func tabbed(message string, lines []string) string {
	if !strings.Contains(message, "tab character") && !strings.Contains(message, "cannot start any token") {
		return ""
	}
	for _, line := range lines {
		if strings.HasPrefix(strings.TrimLeft(line, " "), "\t") {
			return "indent by blanks, not by tabs"
		}
	}
	return ""
}
