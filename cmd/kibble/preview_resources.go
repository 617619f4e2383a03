package main

import (
	"io"
	"maps"
	"slices"

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
				v, err := resources[key].Shown()
				if err != nil {
					return err
				}
				types[translate.ShortType(typ)] = append(types[translate.ShortType(typ)], v)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(c.Local)) {
			for _, scope := range slices.Sorted(maps.Keys(c.Local[key])) {
				r := c.Local[key][scope]
				if !keep(r) {
					continue
				}
				v, err := r.Shown()
				if err != nil {
					return err
				}
				name := translate.ShortType(r.Body.TypeUrl) + "@" + string(scope)
				types[name] = append(types[name], v)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(c.AtPods)) {
			for _, scope := range c.AtPods[key].Samples() {
				r := c.AtPods[key].At(scope)
				if !keep(r) {
					continue
				}
				v, err := r.Shown()
				if err != nil {
					return err
				}
				name := translate.ShortType(translate.ListenerType) + "@" + string(scope)
				types[name] = append(types[name], v)
			}
		}
		classes[name] = types
	}
	return out.print(w, classes)
}
