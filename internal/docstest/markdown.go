// Package docstest keeps the documents true: its tests read every Markdown file
// of the project, check the links, and run, parse or translate what stands in
// fenced blocks.
//
// Every command that a document shows is run by exactly one test. Those that
// take a cluster or a network of their own (Block.Afar) are run by e2e/manual,
// which reads the documents with this package too; all others by the tests of
// this one. What no test can run is in NotRun, with the reason.
package docstest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Block is a fenced block.
type Block struct {
	File string // its path, below or beside the root that was read
	Line int    // of its first line of text, from 1
	Lang string // what stands behind the fence: yaml, dtab, console ...
	Text string // without the blanks before its fence
	// SavedAs is the file that readers write it into: the last one named in the
	// paragraph right before it, if the paragraph ends with a colon.
	SavedAs string

	code string // of the finding whose section it stands in
}

// Document is one Markdown file, without what stands in fences.
type Document struct {
	File string

	text  string
	links []string
}

// Read gives all documents and blocks below a folder, in the order of their paths.
// Hidden folders, test data and what the Makefile builds are left out.
func Read(root string) (docs []Document, blocks []Block, err error) {
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
	savedPattern  = regexp.MustCompile("`([A-Za-z0-9_./-]+\\.ya?ml)`")
)

// parse cuts a file into blocks and the rest. A fence is a line that begins, after
// blanks, with three backticks.
func parse(file, text string) (Document, []Block) {
	d := Document{File: file}
	var blocks []Block
	var open *Block
	var prose strings.Builder
	code, indent, before := "", "", ""
	for i, line := range strings.Split(text, "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open == nil:
			indent = line[:len(line)-len(strings.TrimLeft(line, " "))]
			open = &Block{File: file, Line: i + 2, Lang: strings.TrimSpace(fence), SavedAs: savedAs(before), code: code}
		case isFence:
			blocks, open, before = append(blocks, *open), nil, ""
		case open != nil:
			open.Text += strings.TrimPrefix(line, indent) + "\n"
		default:
			prose.WriteString(line + "\n")
			if heading, ok := strings.CutPrefix(line, "#"); ok {
				code = codeOfHeading.FindString(heading)
			}
			if strings.TrimSpace(line) != "" {
				before = line
			}
		}
	}
	d.text = prose.String()
	for _, m := range linkPattern.FindAllStringSubmatch(codePattern.ReplaceAllString(d.text, ""), -1) {
		d.links = append(d.links, m[1])
	}
	return d, blocks
}

// savedAs gives the file that the last line before a block says it belongs into.
func savedAs(line string) string {
	all := savedPattern.FindAllStringSubmatch(line, -1)
	if len(all) == 0 || !strings.HasSuffix(strings.TrimSpace(line), ":") {
		return ""
	}
	return all[len(all)-1][1]
}
