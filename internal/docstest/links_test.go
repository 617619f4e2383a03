package docstest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// anchors gives the names by which links lead to the headings of a document, as
// code hosts make them of the headings' words.
func anchors(d Document) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(d.text, -1) {
		name := strings.ToLower(m[1])
		name = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(name, "")
		all = append(all, strings.ReplaceAll(name, " ", "-"))
	}
	return all
}

// target gives the file and the heading that a link of the project leads to.
func target(d Document, link string) (file, heading string) {
	path, heading, _ := strings.Cut(link, "#")
	if path == "" {
		return d.File, heading
	}
	return filepath.Join(filepath.Dir(d.File), path), heading
}

// A link within the project leads to something, and to a heading that is there.
func TestLinks(t *testing.T) {
	docs, _, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	byFile := map[string]Document{}
	for _, d := range docs {
		byFile[d.File] = d
	}
	for _, d := range docs {
		for _, link := range d.links {
			if strings.Contains(link, "://") {
				continue
			}
			file, heading := target(d, link)
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: link %s: %v", d.File, link, err)
			}
			if heading != "" && !slices.Contains(anchors(byFile[file]), heading) {
				t.Errorf("%s: link %s: there is no such heading", d.File, link)
			}
		}
	}
}

// Every page of the manual is named on its front page, so that readers find it.
func TestFrontPage(t *testing.T) {
	docs, _, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	manual := filepath.Join(root, "docs")
	front := slices.IndexFunc(docs, func(d Document) bool { return d.File == filepath.Join(manual, "README.md") })
	if front < 0 {
		t.Fatal("docs/README.md is not there")
	}
	var named []string
	for _, link := range docs[front].links {
		file, _ := target(docs[front], link)
		named = append(named, file)
	}
	for _, d := range docs {
		if strings.HasPrefix(d.File, manual+string(filepath.Separator)) && d.File != docs[front].File && !slices.Contains(named, d.File) {
			t.Errorf("docs/README.md has no link to %s", d.File)
		}
	}
}
