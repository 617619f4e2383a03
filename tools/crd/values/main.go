// Command values writes the table of a chart's values into its README.
//
//	values VALUES README > NEW-README
//
// A comment above a key that begins with "--" describes it; what follows in the
// same comment belongs to it. A mapping that is not described is a heading for
// its keys. A value that nobody described is an error.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The table's place in the README.
const (
	begin = "<!-- values -->\n"
	end   = "<!-- end of values -->\n"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: values VALUES README")
		os.Exit(2)
	}
	text, err := readme(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "values:", err)
		os.Exit(1)
	}
	fmt.Print(text)
}

func readme(values, file string) (string, error) {
	b, err := os.ReadFile(values)
	if err != nil {
		return "", err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(b, &document); err != nil {
		return "", fmt.Errorf("%s: %w", values, err)
	}
	rows, err := table(document.Content[0], "")
	if err != nil {
		return "", fmt.Errorf("%s: %w", values, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !ok || !ended {
		return "", errors.New(file + ": want the lines " + strings.TrimSpace(begin) + " and " + strings.TrimSpace(end))
	}
	return head + begin + "\n| Value | Default | What it says |\n|---|---|---|\n" + rows + "\n" + end + tail, nil
}

// table gives the rows of a mapping.
func table(mapping *yaml.Node, prefix string) (string, error) {
	var rows strings.Builder
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		path := prefix + key.Value
		_, about, described := strings.Cut(key.HeadComment, "# -- ")
		switch {
		case described:
			about = strings.ReplaceAll(about, "\n# ", " ")
			var v any
			if err := value.Decode(&v); err != nil {
				return "", err
			}
			b, err := json.Marshal(v)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&rows, "| `%s` | `%s` | %s |\n", path, b, strings.ReplaceAll(about, "|", `\|`))
		case value.Kind == yaml.MappingNode && len(value.Content) > 0:
			below, err := table(value, path+".")
			if err != nil {
				return "", err
			}
			rows.WriteString(below)
		default:
			return "", fmt.Errorf("line %d: %s has no comment that begins with --", key.Line, path)
		}
	}
	return rows.String(), nil
}
