package vector

import (
	"errors"
	"fmt"

	"kibble.dev/dtab"
)

func (in *Input) parse() (map[string]any, error) {
	out, err := parse(in.Kind, *in.Input)
	if syntax := (*dtab.SyntaxError)(nil); errors.As(err, &syntax) {
		return map[string]any{"ok": false, "error": upstream(syntax)}, nil
	}
	if err != nil {
		return nil, err
	}
	out["ok"] = true
	return out, nil
}

// upstream gives a syntax error as the original words it.
func upstream(err *dtab.SyntaxError) string {
	return "IllegalArgumentException: " + err.Upstream()
}

func parse(kind, text string) (map[string]any, error) {
	switch kind {
	case "path":
		path, err := dtab.ParsePath(text)
		return map[string]any{"show": path.String(), "segments": len(path)}, err
	case "prefix":
		prefix, err := dtab.ParsePrefix(text)
		return map[string]any{"show": prefix.String(), "segments": len(prefix)}, err
	case "nametree":
		tree, err := dtab.ParseTree(text)
		if err != nil {
			return nil, err
		}
		out := map[string]any{"show": tree.String(), "simplified": dtab.Simplify(tree).String(), "eval": nil}
		if leaves, ok := dtab.Eval(tree); ok {
			out["eval"] = leaves
		}
		return out, nil
	case "dentry":
		dentry, err := dtab.ParseDentry(dtab.Source{}, text)
		if err != nil {
			return nil, err
		}
		return map[string]any{"show": dentry.String(), "simplified": dtab.Simplify(dentry.Dst).String()}, nil
	case "dtab":
		table, err := dtab.Parse(dtab.Source{}, text)
		return map[string]any{
			"show": table.String(), "simplified": table.Simplify().String(), "dentries": len(table),
		}, err
	}
	return nil, fmt.Errorf("unknown kind %q: use path, prefix, nametree, dentry or dtab", kind)
}
