// Package bounds checks objects of ours against what their definitions say of
// each field by itself: how long, how many, which letters. The API server
// refuses what is beyond, with the same library; who has none learns it here.
// What rules in CEL say, the Validate methods of the types check.
package bounds

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/json"
	openapi "k8s.io/kube-openapi/pkg/validation/errors"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	"sigs.k8s.io/yaml"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/charts"
)

// Bounds are those of spec of every kind. The zero value is ready; it is for one
// goroutine at a time.
type Bounds struct {
	kinds map[string]*validate.SchemaValidator
}

// Check gives what is beyond the bounds in spec of an object, which is JSON that
// its Go type has taken: one thing of a field, in the order of their names. Of a
// kind that is not ours there is nothing to say.
func (b *Bounds) Check(kind string, text []byte) (errs []v1alpha1.FieldError) {
	if b.kinds == nil {
		b.load()
	}
	var value any
	if b.kinds[kind] == nil || json.Unmarshal(text, &value) != nil {
		return nil
	}
	drop(value)
	for _, err := range b.kinds[kind].Validate(value).Errors {
		if e, ok := errors.AsType[*openapi.Validation](err); ok {
			errs = append(errs, fieldError(e))
		}
	}
	slices.SortStableFunc(errs, func(a, b v1alpha1.FieldError) int { return cmp.Compare(a.Path, b.Path) })
	return slices.CompactFunc(errs, func(a, b v1alpha1.FieldError) bool { return a.Path == b.Path })
}

// load reads the definitions that this program was built with.
func (b *Bounds) load() {
	b.kinds = map[string]*validate.SchemaValidator{}
	crds, err := charts.CRDs()
	must(err)
	files, err := fs.Glob(crds, "*.yaml")
	must(err)
	for _, file := range files {
		text, err := fs.ReadFile(crds, file)
		must(err)
		var crd struct {
			Spec struct {
				Names    struct{ Kind string }
				Versions []struct {
					Schema struct{ OpenAPIV3Schema spec.Schema }
				}
			}
		}
		must(yaml.Unmarshal(text, &crd))
		s := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
		findSets(&s)
		b.kinds[crd.Spec.Names.Kind] = validate.NewSchemaValidator(&s, nil, "spec", strfmt.Default)
	}
}

// must is for what this program was built with.
func must(err error) {
	if err != nil {
		panic(fmt.Errorf("read the definitions: %w", err))
	}
}

// findSets tells the library of lists that are sets, which the API server checks
// apart.
func findSets(s *spec.Schema) {
	s.UniqueItems = s.Extensions["x-kubernetes-list-type"] == "set"
	for name, p := range s.Properties {
		findSets(&p)
		s.Properties[name] = p
	}
	if s.Items != nil {
		findSets(s.Items.Schema)
	}
}

// drop takes away fields without a value, as the API server does.
func drop(v any) {
	switch v := v.(type) {
	case map[string]any:
		maps.DeleteFunc(v, func(_ string, member any) bool { return member == nil })
		for _, member := range v {
			drop(member)
		}
	case []any:
		for _, member := range v {
			drop(member)
		}
	}
}

// fieldError says what a value is, and what would be taken.
func fieldError(e *openapi.Validation) v1alpha1.FieldError {
	what := fmt.Sprintf("cannot be %#v", e.Value)
	_, wanted, _ := strings.Cut(e.Error(), " in body should ")
	wanted = "it to " + wanted
	switch e.Code() {
	case openapi.RequiredFailCode:
		what, wanted = "is missing", "it in every such object"
	case openapi.InvalidTypeCode: // of others than null, the Go type has not taken it
		what, wanted = "has no value", "one, or that it is taken away"
	case openapi.EnumFailCode:
		wanted = "one of " + list(e.Values)
	case openapi.TooLongFailCode, openapi.TooShortFailCode:
		what = fmt.Sprintf("has %d characters", utf8.RuneCountInString(e.Value.(string)))
	case openapi.TooManyPropertiesCode, openapi.MaxItemsFailCode, openapi.MinItemsFailCode:
		what = fmt.Sprintf("has %d members", e.Value)
	case openapi.UniqueFailCode:
		what, wanted = "has a member twice", "each once"
	}
	name := e.Name[strings.LastIndexByte(e.Name, '.')+1:]
	return v1alpha1.FieldError{Path: e.Name, Message: name + " " + what, Hint: "the API server wants " + wanted}
}

// list gives the values that a user would write.
func list(values []any) string {
	var all []string
	for _, v := range values {
		if v != "" {
			all = append(all, fmt.Sprint(v))
		}
	}
	return strings.Join(all, ", ")
}
