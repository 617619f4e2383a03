package discovery

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// fieldsAt gives the names of the fields that a struct has below a path such as
// "spec.namers[0]", sorted.
func fieldsAt(t reflect.Type, path string) []string {
	for name := range strings.SplitSeq(path, ".") {
		name, index, _ := strings.Cut(name, "[")
		if name != "" {
			t = fieldType(strip(t), name)
		}
		for range strings.Count(index, "]") {
			if t = strip(t); t != nil && t.Kind() == reflect.Slice {
				t = t.Elem()
			}
		}
		if t == nil {
			return nil
		}
	}
	names := fieldNames(strip(t))
	slices.Sort(names)
	return names
}

func strip(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func fieldNames(t reflect.Type) []string {
	var names []string
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" && (f.Anonymous || strings.Contains(options, "inline")) {
			names = append(names, fieldNames(strip(f.Type))...)
		} else if name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

func fieldType(t reflect.Type, name string) reflect.Type {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for f := range t.Fields() {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == name {
			return f.Type
		}
		if tag == "" && f.Anonymous {
			if inner := fieldType(strip(f.Type), name); inner != nil {
				return inner
			}
		}
	}
	return nil
}

// didYouMean hints at the word that was probably meant, or at all if they are few.
func didYouMean(word string, known []string) string {
	best, distance := "", 1+len(word)/3
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), strings.ToLower(k)); d < distance || d == distance && best == "" {
			best, distance = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %s?", best)
	case len(known) > 0 && len(known) <= 16:
		return "there are " + strings.Join(known, ", ")
	}
	return ""
}

// editDistance counts the letters to put in, take out or change (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for i := range row {
		row[i] = i
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
