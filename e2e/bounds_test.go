package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/discovery"
	"kibble.dev/dtab"
)

// At both sides of every bound of every field: what the API server refuses is
// refused in files, at that field; and what files are refused for in the API
// server's name, it refuses.
func checkBounds(t *testing.T, client dynamic.Interface) {
	fields := 0
	for _, kind := range kinds() {
		eachField(specSchema(t, kind), "spec", func(v any) any { return v }, func(path string, s mapping, around func(any) any) {
			fields++
			for _, v := range odd(s) {
				o := written(t, kind, "{}")
				o.Object["spec"] = around(v)
				if spec, ok := o.Object["spec"].(mapping); ok && kind == v1alpha1.KindDogfoodPolicy && path != "spec.override" {
					spec["override"] = "/a => /b"
				}
				compareRefusals(t, client, o)
			}
		})
	}
	if fields < 200 {
		t.Errorf("only %d fields were seen", fields)
	}
}

// What the API server asks of metadata, too.
func checkMetadata(t *testing.T, client dynamic.Interface) {
	for _, metadata := range []string{
		`{name: A}`, `{name: a_b}`, `{name: a.b}`, `{name: ` + strings.Repeat("a", 253) + `}`, `{name: ` + strings.Repeat("a", 254) + `}`,
		`{name: x, labels: {a: b c}}`, `{name: x, labels: {a/b/c: d}}`, `{name: x, labels: {A.b/c: d}}`, `{name: x, labels: {"": d}}`, `{name: x, labels: {a: ""}}`,
		`{name: x, labels: {a: ` + strings.Repeat("b", 64) + `}}`, `{name: x, labels: {` + strings.Repeat("b", 64) + `: a}}`,
		`{name: x, annotations: {A.b/c: d e}}`, `{name: x, annotations: {a b: c}}`, `{name: x, annotations: {/a: c}}`,
		`{name: x, annotations: {a: ` + strings.Repeat("b", 256<<10-1) + `}}`, `{name: x, annotations: {a: ` + strings.Repeat("b", 256<<10) + `}}`,
	} {
		o := written(t, v1alpha1.KindDtab, "{dtab: /a => /b}")
		o.Object["metadata"] = toObject(t, metadata).Object
		o.SetNamespace("default")
		compareRefusals(t, client, o)
		if _, err := create(t, client, o); err == nil && len(unsound(t, o)) > 0 {
			t.Errorf("the API server takes %.100s, files are refused", metadata)
		}
	}
}

// compareRefusals asks the API server for an object, and reads it from a file.
func compareRefusals(t *testing.T, client dynamic.Interface, o *unstructured.Unstructured) {
	t.Helper()
	ours, text := unsound(t, o), fmt.Sprint(o.Object)
	causes := refusals(create(t, client, o))
	for _, c := range causes {
		if !slices.ContainsFunc(ours, func(f dtab.Finding) bool { return tellsOf(f, c) && f.Pos.Line > 0 && f.Pos.Col > 0 }) {
			t.Errorf("the API server refuses %s, files are taken: %v in %.300s", c, ours, text)
		}
	}
	for _, f := range ours {
		if strings.Contains(f.Hint, "the API server") && !slices.ContainsFunc(causes, func(c string) bool { return tellsOf(f, c) }) {
			t.Errorf("%s, but the API server takes it: %v in %.300s", f, causes, text)
		}
	}
}

// unsound gives what is wrong with an object as it stands in a file.
func unsound(t *testing.T, o *unstructured.Unstructured) []dtab.Finding {
	t.Helper()
	text, err := o.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	_, found, err := discovery.ReadStream("x.json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(found, func(f dtab.Finding) bool { return f.Severity != dtab.Error })
}

// refusals gives the fields that the API server refuses an object for.
func refusals(_ *unstructured.Unstructured, err error) []string {
	var fields []string
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok && status.ErrStatus.Details != nil {
		for _, cause := range status.ErrStatus.Details.Causes {
			if !strings.HasPrefix(cause.Message, "Invalid value: null: some validation rules were not checked") {
				fields = append(fields, cause.Field)
			}
		}
	}
	if err != nil && len(fields) == 0 {
		fields = []string{"<nil>"} // it does not name the field
	}
	return fields
}

// tellsOf tells that a finding is about a field, or about one inside or around of it.
func tellsOf(f dtab.Finding, field string) bool {
	at, _, _ := strings.Cut(f.Message, ": ")
	return f.Code != v1alpha1.CodeField || field == "<nil>" || strings.HasPrefix(at, field) || strings.HasPrefix(field, at)
}

func kinds() []string {
	return []string{v1alpha1.KindRouter, v1alpha1.KindDtab, v1alpha1.KindDogfoodPolicy}
}

type mapping = map[string]any

// specSchema gives what the CRD says of spec.
func specSchema(t *testing.T, kind string) mapping {
	t.Helper()
	crd := toObject(t, read(t, "../charts/kibble/crds/"+v1alpha1.ResourceOf(kind).Resource+".yaml"))
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	s, ok, _ := unstructured.NestedMap(versions[0].(mapping), "schema", "openAPIV3Schema", "properties", "spec")
	if !ok {
		t.Fatalf("%s has no schema", kind)
	}
	return s
}

// eachField visits a schema and those of all fields inside, but of labels, with
// what makes a spec of a value for it. What is in all is in any and not, too.
func eachField(s mapping, path string, around func(any) any, visit func(path string, s mapping, around func(any) any)) {
	visit(path, s, around)
	properties, _ := s["properties"].(mapping)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		inner := path + "." + name
		if inner == "spec.forEach.namespaceSelector" || strings.HasPrefix(inner, "spec.when.any[0].") || strings.HasPrefix(inner, "spec.when.not.") {
			continue
		}
		eachField(properties[name].(mapping), inner, func(v any) any {
			o := sample(s).(mapping)
			o[name] = v
			return around(o)
		}, visit)
	}
	if items, ok := s["items"].(mapping); ok {
		eachField(items, path+"[0]", func(v any) any { return around([]any{v}) }, visit)
	}
}

// sample gives a value that a schema takes, so far as it is not for rules in CEL.
func sample(s mapping) any {
	enum, _ := s["enum"].([]any)
	switch {
	case len(enum) > 0:
		return enum[len(enum)-1]
	case s["type"] == "object":
		o := mapping{}
		required, _ := s["required"].([]any)
		for _, name := range required {
			o[name.(string)] = sample(s["properties"].(mapping)[name.(string)].(mapping))
		}
		return o
	case s["type"] == "array":
		return []any{sample(s["items"].(mapping))}
	case s["type"] == "boolean":
		return true
	case s["type"] == "integer":
		return max(limit(s, "minimum"), 1)
	case s["type"] == "string":
		return fitting(s, 1)
	}
	return mapping{}
}

// fitting gives a text that has some characters, or more, and the pattern.
func fitting(s mapping, length int64) string {
	pattern, _ := s["pattern"].(string)
	for _, unit := range []string{"a", "/a", "1", "1."} {
		if text := strings.Repeat(unit, int(length))[:max(int(length), len(unit))]; regexp.MustCompile(pattern).MatchString(text) {
			return text
		}
	}
	return strings.Repeat("a", int(length))
}

// odd gives values for a schema on both sides of its bounds, and others that are
// seldom meant.
func odd(s mapping) []any {
	all := []any{nil}
	switch s["type"] {
	case "string":
		all = append(all, "", "  ", "Ä b", "A", "a..b", "-", int64(5), "2030-01-02", "2030-01-02T03:04:05z", "2030-01-02T03:04:05,5Z")
		if n := limit(s, "maxLength"); n > 0 {
			all = append(all, fitting(s, n), fitting(s, n+1), strings.Repeat("ä", int(n)))
		}
	case "integer":
		low, high := limit(s, "minimum"), limit(s, "maximum")
		all = append(all, int64(-1), int64(0), int64(1)<<31, int64(1)<<32, low, low-1, high, high+1, 0.5, "5")
	case "boolean":
		all = append(all, "true")
	case "array":
		all = append(all, []any{}, []any{nil}, members(s, 2), members(s, limit(s, "minItems")), members(s, limit(s, "maxItems")), members(s, limit(s, "maxItems")+1))
	case "object":
		all = append(all, mapping{}, sample(s), mapping{"a": nil})
		required, _ := s["required"].([]any)
		for _, name := range required {
			o := sample(s).(mapping)
			delete(o, name.(string))
			all = append(all, o)
		}
		if n := limit(s, "maxProperties"); n > 0 {
			o := mapping{}
			for range n {
				o["a"+strings.Repeat("a", len(o))] = "b"
			}
			all = append(all, o)
			more := maps.Clone(o)
			more["b"] = "b"
			all = append(all, more)
		}
	}
	return all
}

func members(s mapping, n int64) []any {
	all := []any{}
	for range n {
		all = append(all, sample(s["items"].(mapping)))
	}
	return all
}

// limit gives a number of a schema, or 0.
func limit(s mapping, name string) int64 {
	switch n := s[name].(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}
