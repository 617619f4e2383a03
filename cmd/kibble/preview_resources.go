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
		add := func(heading string, r *translate.Resource) error {
			if !keep(r) {
				return nil
			}
			v, err := r.Shown()
			types[heading] = append(types[heading], v)
			return err
		}
		for typ, resources := range c.Whole() {
			for _, key := range slices.Sorted(maps.Keys(resources)) {
				if err := add(translate.ShortType(typ), resources[key]); err != nil {
					return err
				}
			}
		}
		for _, key := range slices.Sorted(maps.Keys(c.Local)) {
			for _, scope := range slices.Sorted(maps.Keys(c.Local[key])) {
				r := c.Local[key][scope]
				if err := add(translate.ShortType(r.Body.TypeUrl)+"@"+string(scope), r); err != nil {
					return err
				}
			}
		}
		for _, key := range slices.Sorted(maps.Keys(c.AtPods)) {
			for _, scope := range c.AtPods[key].Samples() {
				if err := add(translate.ShortType(translate.ListenerType)+"@"+string(scope), c.AtPods[key].At(scope)); err != nil {
					return err
				}
			}
		}
		classes[name] = types
	}
	return out.print(w, classes)
}
