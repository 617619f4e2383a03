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
