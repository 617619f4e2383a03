package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"kibble.dev/translate"
)

// previewResources prints the resources by class and type, as Envoy's
// DiscoveryResponse has them. Route tables are shown whole, though their virtual
// hosts travel one by one.
func previewResources(w io.Writer, m *translate.Model, out *output, s *translate.Snapshot, class, router string) error {
	classes := map[string]map[string][]any{}
	keep, err := m.Keep(s, router)
	if err != nil {
		return err
	}
	for name, c := range s.Classes {
		if class != "" && name != class {
			continue
		}
		types := map[string][]any{}
		for typ, resources := range c.Whole() {
			for _, key := range slices.Sorted(maps.Keys(resources)) {
				if !keep(resources[key]) {
					continue
				}
				v, err := resourceJSON(resources[key])
				if err != nil {
					return err
				}
				types[shortType(typ)] = append(types[shortType(typ)], v)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(c.Local)) {
			for _, scope := range slices.Sorted(maps.Keys(c.Local[key])) {
				r := c.Local[key][scope]
				if !keep(r) {
					continue
				}
				v, err := resourceJSON(r)
				if err != nil {
					return err
				}
				name := shortType(r.Body.TypeUrl) + "@" + string(scope)
				types[name] = append(types[name], v)
			}
		}
		classes[name] = types
	}
	return out.print(w, classes)
}

func shortType(url string) string { return url[strings.LastIndexByte(url, '.')+1:] }

// resourceJSON gives the JSON form of a resource, with @type. protojson varies
// its spacing on purpose, so it goes through a generic value.
func resourceJSON(r *translate.Resource) (any, error) {
	b, err := protojson.Marshal(r.Body)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", r.Name, err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, fmt.Errorf("encode %s: %w", r.Name, err)
	}
	hideKeys(v)
	return v, nil
}

// hideKeys takes the private keys of certificates, and the keys of tokens, since
// some are secret, out of a resource.
func hideKeys(v any) {
	switch v := v.(type) {
	case []any:
		for _, member := range v {
			hideKeys(member)
		}
	case map[string]any:
		for _, field := range []string{"localJwks", "privateKey"} {
			if keys, ok := v[field].(map[string]any); ok {
				for name := range keys {
					keys[name] = "(not shown)"
				}
			}
		}
		for _, member := range v {
			hideKeys(member)
		}
	}
}
