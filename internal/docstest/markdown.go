// Package docstest keeps the documents true: its tests read every Markdown file
// of the project, check the links, and run, parse or translate what stands in
// fenced blocks.
package docstest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// block is a fenced block.
type block struct {
	file string
	line int    // of its first line of text, from 1
	lang string // what stands behind the fence: yaml, dtab, console ...
	text string
	code string // of the finding whose section it stands in
}

// document is one Markdown file, without what stands in fences.
type document struct {
	file  string
	text  string
	links []string
}

// root is the project's folder.
const root = "../.."

// read gives all documents and blocks of the project, in the order of their paths.
// Hidden folders, test data and what the Makefile builds are left out.
func read() (docs []document, blocks []block, err error) {
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin") {
			return fs.SkipDir
		}
		if e.IsDir() || filepath.Ext(name) != ".md" {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		d, bs := parse(path, string(b))
		docs, blocks = append(docs, d), append(blocks, bs...)
		return nil
	})
	return docs, blocks, err
}

var (
	linkPattern = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	// codeOfHeading is the code of a finding in the heading of its section.
	codeOfHeading = regexp.MustCompile(`KB[0-9]{4}`)
	codePattern   = regexp.MustCompile("`[^`]*`")
)

// parse cuts a file into blocks and the rest. A fence is a line that begins, after
// blanks, with three backticks.
func parse(file, text string) (document, []block) {
	d := document{file: file}
	var blocks []block
	var open *block
	var prose strings.Builder
	code := ""
	for i, line := range strings.Split(text, "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open == nil:
			open = &block{file: file, line: i + 2, lang: strings.TrimSpace(fence), code: code}
		case isFence:
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.text += line + "\n"
		default:
			prose.WriteString(line + "\n")
			if heading, ok := strings.CutPrefix(line, "#"); ok {
				code = codeOfHeading.FindString(heading)
			}
		}
	}
	d.text = prose.String()
	for _, m := range linkPattern.FindAllStringSubmatch(codePattern.ReplaceAllString(d.text, ""), -1) {
		d.links = append(d.links, m[1])
	}
	return d, blocks
}
