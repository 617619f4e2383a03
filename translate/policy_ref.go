package translate

import (
	"fmt"
	"slices"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// missingRouters warns of a policy that names a Router that is not there: it is
// decided nowhere else.
func missingRouters(inv *Inventory, src *Sourced[v1alpha1.DogfoodPolicy]) []dtab.Finding {
	var found []dtab.Finding
	for i, name := range src.Object.Spec.Routers {
		if slices.ContainsFunc(inv.Routers, func(r *Sourced[v1alpha1.Router]) bool {
			return r.Object.Name == name && r.Object.Namespace == src.Object.Namespace
		}) {
			continue
		}
		found = append(found, dtab.Finding{
			Code: codeRef, Severity: dtab.Warning, Pos: src.Origin.Field(field("spec.routers", i)).At(1, 1),
			Message: fmt.Sprintf("there is no Router %q in namespace %s", name, src.Object.Namespace),
			Hint:    "correct the name, or leave routers away: the policy is then decided at every untrusted router of the namespace",
		})
	}
	return found
}

// uselessGrants warns of a grant at a Router that takes no rules from callers,
// or trusts them all.
func uselessGrants(inv *Inventory, src *Sourced[v1alpha1.DogfoodPolicy]) []dtab.Finding {
	if src.Object.Spec.Grant == "" {
		return nil
	}
	useful := false
	var found []dtab.Finding
	warn := func(field, message string) {
		found = append(found, dtab.Finding{
			Code: codeRef, Severity: dtab.Warning, Pos: src.Origin.Field(field).At(1, 1), Message: message,
			Hint: "set adHocOverrides on an untrusted Router that the policy is decided at: allow: [/host], to: [/srv]",
		})
	}
	for _, r := range inv.Routers {
		at := slices.Index(src.Object.Spec.Routers, r.Object.Name)
		if r.Object.Namespace != src.Object.Namespace || at < 0 && len(src.Object.Spec.Routers) > 0 {
			continue
		}
		takes := r.Object.Spec.AdHocOverrides != nil
		untrusted := trustOf(r.Object.Spec) == v1alpha1.TrustUntrusted
		useful = useful || takes && untrusted
		switch {
		case at < 0:
		case !untrusted:
			warn(field("spec.routers", at), "Router "+r.Object.Name+" is internal: no policy is decided there, and no grant is needed")
		case !takes:
			warn(field("spec.routers", at), "Router "+r.Object.Name+" takes no overrides from callers, so nothing is granted there")
		}
	}
	if !useful && len(found) == 0 {
		warn("spec.grant", "no Router that decides the policy takes overrides from callers, so nothing is granted")
	}
	return found
}
