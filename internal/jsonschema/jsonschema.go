// Package jsonschema makes JSON schemas of CustomResourceDefinitions, so that
// editors check YAML as a cluster would. A schema says what the definition's
// structure says; what only rules in CEL say, the cluster and kibble lint check.
package jsonschema

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// dialect is the version of JSON schema: the one that editors know best.
const dialect = "http://json-schema.org/draft-07/schema#"

// Schema is a JSON schema.
type Schema = map[string]any

// Kind is a kind of objects and its schema.
type Kind struct {
	Kind, APIVersion string
	Schema           Schema
	// Definitions are what the schema refers to, by name.
	Definitions Schema
}

// Of reads all definitions of a file system, sorted by kind.
func Of(crds fs.FS) ([]Kind, error) {
	names, err := fs.Glob(crds, "*.yaml")
	if err != nil {
		return nil, err
	}
	var all []Kind
	for _, name := range names {
		data, err := fs.ReadFile(crds, name)
		if err != nil {
			return nil, err
		}
		var crd struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct{ OpenAPIV3Schema Schema }
				}
			}
		}
		if err := yaml.Unmarshal(data, &crd); err != nil {
			return nil, fmt.Errorf("read the definition %s: %w", name, err)
		}
		for _, v := range crd.Spec.Versions {
			k := Kind{Kind: crd.Spec.Names.Kind, APIVersion: crd.Spec.Group + "/" + v.Name, Schema: v.Schema.OpenAPIV3Schema}
			k.finish()
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b Kind) int { return strings.Compare(a.Kind+a.APIVersion, b.Kind+b.APIVersion) })
	return all, nil
}

// finish makes a definition's schema one of JSON schema, and says of the object
// what Kubernetes asks of every one.
func (k *Kind) finish() {
	convert(k.Schema)
	properties := members(k.Schema, "properties")
	properties["apiVersion"] = Schema{"type": "string", "const": k.APIVersion}
	properties["kind"] = Schema{"type": "string", "const": k.Kind}
	properties["metadata"] = Schema{
		"type": "object", "required": []any{"name"},
		"properties": Schema{
			"name": Schema{"type": "string", "minLength": 1, "maxLength": 253}, "namespace": Schema{"type": "string", "maxLength": 63},
			"labels": texts(), "annotations": texts(),
		},
	}
	required, _ := k.Schema["required"].([]any)
	for _, name := range []string{"apiVersion", "kind", "metadata", "spec"} {
		if !slices.Contains(required, any(name)) {
			required = append(required, name)
		}
	}
	k.Schema["required"] = required
	k.Schema["title"] = k.Kind
	k.nest()
}

// nest makes conditions contain conditions, to any depth: a definition for a
// cluster cannot say that, and leaves open what is far inside.
func (k *Kind) nest() {
	spec := members(members(k.Schema, "properties"), "spec")
	when := members(members(spec, "properties"), "when")
	inside := members(when, "properties")
	if inside == nil {
		return
	}
	ref := Schema{"$ref": "#/definitions/condition"}
	for _, word := range []string{"all", "any"} {
		members(inside, word)["items"] = ref
	}
	inside["not"] = ref
	members(spec, "properties")["when"] = ref
	k.Definitions = Schema{"condition": when}
}

func texts() Schema {
	return Schema{"type": "object", "additionalProperties": Schema{"type": "string"}}
}

// convert makes a structural schema one of JSON schema, in its place: what
// Kubernetes alone knows goes, and fields that are not named are forbidden, as
// Kibble and kubectl read them.
func convert(s Schema) {
	_, open := s["x-kubernetes-preserve-unknown-fields"]
	properties := members(s, "properties")
	if more, ok := s["additionalProperties"].(Schema); ok {
		convert(more)
	} else if len(properties) > 0 && !open {
		s["additionalProperties"] = false
	}
	for _, p := range properties {
		if p, ok := p.(Schema); ok {
			convert(p)
		}
	}
	if items, ok := s["items"].(Schema); ok {
		convert(items)
	}
	for _, word := range []string{"allOf", "anyOf", "oneOf"} {
		list, _ := s[word].([]any)
		for _, member := range list {
			if m, ok := member.(Schema); ok {
				convert(m)
			}
		}
	}
	if s["nullable"] == true {
		s["type"] = []any{s["type"], "null"}
	}
	if s["format"] == "int32" || s["format"] == "int64" {
		delete(s, "format")
	}
	delete(s, "nullable")
	for key := range s {
		if strings.HasPrefix(key, "x-kubernetes-") {
			delete(s, key)
		}
	}
}

func members(s Schema, key string) Schema {
	m, _ := s[key].(Schema)
	return m
}

// Alone gives the schema of one kind.
func (k Kind) Alone() Schema {
	s := Schema{"$schema": dialect}
	maps.Copy(s, k.Schema)
	if k.Definitions != nil {
		s["definitions"] = k.Definitions
	}
	return s
}

// All gives one schema for files in which objects of these kinds stand among
// others, which may look as they like.
func All(kinds []Kind) Schema {
	var rules []any
	definitions := Schema{}
	for _, k := range kinds {
		group, _, _ := strings.Cut(k.APIVersion, "/")
		definitions[k.Kind] = k.Schema
		maps.Copy(definitions, k.Definitions)
		rules = append(rules, Schema{
			"if": Schema{
				"required":   []any{"kind", "apiVersion"},
				"properties": Schema{"kind": Schema{"const": k.Kind}, "apiVersion": Schema{"pattern": "^" + strings.ReplaceAll(group, ".", `\.`) + "/"}},
			},
			"then": Schema{"$ref": "#/definitions/" + k.Kind},
		})
	}
	return Schema{"$schema": dialect, "title": "Objects of Kibble, among others", "type": "object", "allOf": rules, "definitions": definitions}
}
