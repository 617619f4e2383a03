package docstest

import (
	"testing"
)

// Every command of a document is run by one test, or is on the list of those that
// none can run; and the list has no other. Which test it is, Afar says: for each
// block there is one answer.
func TestEveryCommandIsRun(t *testing.T) {
	_, blocks, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	left := NotRun()
	here, afar := 0, 0
	for _, b := range blocks {
		all, err := b.Commands()
		if err != nil {
			t.Error(err)
		}
		far, err := b.Afar()
		if err != nil {
			t.Error(err)
		}
		for _, c := range all {
			if far {
				afar++
			} else {
				here++
			}
			if NotRun()[c.Text] != "" && !far {
				t.Errorf("%s:%d: a test runs this, and NotRun says that none can: %s", c.File, c.Line, c.Text)
			}
			delete(left, c.Text)
		}
	}
	for text := range left {
		t.Errorf("NotRun has a command that no document shows: %s", text)
	}
	t.Logf("%d commands are run here, %d by e2e/manual, or on the list of %d", here, afar, len(NotRun()))
}
