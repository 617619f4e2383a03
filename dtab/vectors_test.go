package dtab_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kibble.dev/internal/vector"
)

// vectors calls f with each line of a file.
func vectors(t *testing.T, file string, f func(line []byte, want map[string]any)) {
	t.Helper()
	r, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var want map[string]any
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		f(lines.Bytes(), want)
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
}

func answer(t *testing.T, line []byte) map[string]any {
	t.Helper()
	text, err := vector.Answer(line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestParseVectors(t *testing.T) {
	for _, file := range []string{"testdata/dtab-parse-sample.jsonl", "testdata/finagle-parse.jsonl"} {
		vectors(t, file, func(line []byte, want map[string]any) {
			for _, input := range []string{"kind", "input", "source"} {
				delete(want, input)
			}
			if diff := cmp.Diff(want, answer(t, line)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", line, diff)
			}
		})
	}
}

func TestDelegateVectors(t *testing.T) {
	for _, file := range []string{"testdata/dtab-delegate-sample.jsonl", "testdata/finagle-delegate.jsonl"} {
		vectors(t, file, func(line []byte, want map[string]any) {
			checkDelegate(t, line, want)
		})
	}
}

func checkDelegate(t *testing.T, line []byte, want map[string]any) {
	t.Helper()
	expected, _ := want["expected"].(map[string]any)
	got, _ := answer(t, line)["expected"].(map[string]any)
	if _, known := expected["leaves"]; !known {
		delete(got, "leaves")
	}
	if diff := cmp.Diff(expected, got, cmpopts.EquateApprox(0, 1e-6)); diff != "" {
		t.Errorf("%s\n(-want +got):\n%s", line, diff)
	}
	var in vector.Input
	if err := json.Unmarshal(line, &in); err != nil {
		t.Fatal(err)
	}
	table, _, err := in.Merged()
	if err != nil {
		return
	}
	if got := table.String(); got != want["dtab_show"] {
		t.Errorf("%s: table %s", line, got)
	}
}
