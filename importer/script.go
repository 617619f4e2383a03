package importer

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"kibble.dev/dtab"
)

// How scripts make tables: echo "TABLE" | namerctl dtab create NAME -, the same
// with a here-document, or namerctl dtab create NAME FILE.
var (
	scriptEcho    = regexp.MustCompile(`echo\s+(?:-\S+\s+)*(?:"([^"]*)"|'([^']*)')\s*\|\s*$`)
	scriptCommand = regexp.MustCompile(`namerctl[^\n|;&]*?\sdtab\s+(?:create|update)\s([^\n|;&<>]*)`)
	scriptHere    = regexp.MustCompile(`<<-?\s*['"]?(\w+)['"]?`)
)

// shellVariable is a name that a shell puts something in place of; no built-in
// namer looks so, which have a slash behind the $.
var shellVariable = regexp.MustCompile(`\$[A-Za-z_]\w*`)

// makesTables tells whether a text is of a script that makes tables.
func makesTables(text string) bool { return strings.Contains(text, "namerctl dtab ") }

// script reads the tables of a shell script.
func (p *pool) script(page *page) {
	for _, m := range scriptCommand.FindAllStringSubmatchIndex(page.text, -1) {
		name, source := operands(page.text[m[2]:m[3]])
		if source == "" {
			continue
		}
		if source == "-" {
			if from, to, literal, ok := page.piped(m[0]); ok {
				p.scriptTable(page, name, from, to)
				if at := shellVariable.FindStringIndex(page.text[from:to]); at != nil && !literal {
					variable := page.text[from+at[0] : from+at[1]]
					p.find(page.placeAt(from+at[0]), dtab.Error, CodeAssumed, "the shell puts something in place of "+variable+" in the table "+name+"; it is imported as it stands here",
						"write what "+variable+" stands for, and import again; or import what namerctl dtab get "+name+" prints")
				}
				continue
			}
		}
		at := page.placeAt(m[0])
		p.later = append(p.later, func() {
			if p.tableOf(name) == nil && !slices.ContainsFunc(p.files, func(f File) bool { return path.Base(f.Name) == path.Base(source) }) {
				p.find(at, dtab.Warning, CodeMissing, "the table "+name+" is not in this script, nor among these files: it comes from "+source,
					"import that too, as a file called "+name+".dtab")
			}
		})
	}
}

// operands are the table's name and where it comes from, among the words behind
// namerctl dtab create; "" if they are not there.
func operands(command string) (name, source string) {
	words := strings.Fields(command)
	var all []string
	for i := 0; i < len(words); i++ {
		switch word := words[i]; {
		case word == "--base-url" || word == "--version": // with a value
			i++
		case word == "-" || !strings.HasPrefix(word, "-"):
			all = append(all, strings.Trim(word, `"'`))
		}
	}
	if len(all) < 2 {
		return "", ""
	}
	return all[0], all[1]
}

// piped finds the text that the command at a byte of a script reads: of an echo
// in front of it, or of a here-document on its line. It is literal in single
// quotes, or where the here-document's word has any: the shell changes nothing.
func (p *page) piped(from int) (begin, end int, literal, ok bool) {
	if m := scriptEcho.FindStringSubmatchIndex(p.text[:from]); m != nil {
		return max(m[2], m[4]), max(m[3], m[5]), m[4] >= 0, true
	}
	first := strings.LastIndexByte(p.text[:from], '\n') + 1
	line, _, more := strings.Cut(p.text[first:], "\n")
	m := scriptHere.FindStringSubmatch(line)
	if m == nil || !more {
		return 0, 0, false, false
	}
	literal = strings.ContainsAny(m[0], `'"`)
	begin = first + len(line) + 1
	for end = begin; end < len(p.text); {
		line, _, _ := strings.Cut(p.text[end:], "\n")
		if strings.TrimSpace(line) == m[1] {
			return begin, end, literal, true
		}
		end += len(line) + 1
	}
	return 0, 0, false, false
}

// placeAt gives the place of a byte of the text.
func (p *page) placeAt(at int) dtab.Pos {
	before := p.text[:at]
	return p.place(1+strings.Count(before, "\n"), at-strings.LastIndexByte(before, '\n'))
}

// scriptTable adds the table that stands at from..to. Scripts indent tables as a
// whole; that is no part of them.
func (p *pool) scriptTable(page *page, name string, from, to int) {
	before, body := page.text[:from], page.text[from:to]
	line := 1 + strings.Count(before, "\n")
	indent, lines := -1, strings.Split(strings.Trim(body, "\n"), "\n")
	for _, l := range lines {
		if trimmed := strings.TrimLeft(l, " "); trimmed != "" && (indent < 0 || len(l)-len(trimmed) < indent) {
			indent = len(l) - len(trimmed)
		}
	}
	for i, l := range lines {
		lines[i] = strings.TrimRight(l[min(max(indent, 0), len(l)):], " ")
	}
	line += len(body) - len(strings.TrimLeft(body, "\n"))
	at := page.place(line, 1)
	p.found = append(p.found, &table{
		name: name, text: strings.TrimRight(strings.Join(lines, "\n"), "\n ") + "\n",
		src: dtab.Source{Name: at.Source, Line: at.Line, Col: at.Col - 1 + max(indent, 0)}, pos: at, pinned: page.pinned,
	})
}
