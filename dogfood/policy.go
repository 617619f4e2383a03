package dogfood

import (
	"cmp"
	"slices"
	"time"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// Policy is a DogfoodPolicy that can be served, or one member of its family.
// It is immutable.
type Policy struct {
	// ID stands in the context of a request for which the policy holds. It is
	// made of a-z, 0-9, "." and "-": the object's name, and for a member of a
	// family "<name>.<namespace>".
	ID string
	// Name and Namespace of the object.
	Name, Namespace string
	// Routers of Namespace where it is decided; empty: every untrusted one.
	Routers []string
	// Family is the object's name if it makes an environment for each of some
	// namespaces, and Member is the namespace that this one is for.
	Family, Member string
	When           Condition
	// Override is empty only with a grant. Each entry's Origin is "policy <ID>".
	Override dtab.Dtab
	// Grant says that those for whom the policy holds may send rules of their own.
	Grant    bool
	Fallback v1alpha1.Fallback
	Priority int32
	// Expires is when the policy ends; zero: never.
	Expires time.Time
	// Join is what its links do; nil: it has none.
	Join *Join
	// Created is when the object was, in Unix seconds; where nobody tells it, the same
	// for all.
	Created int64
	// Pos is where the object was written.
	Pos dtab.Pos
}

// Sort puts policies in the order in which their overrides are appended to a
// table when several hold: a later one beats an earlier one. That is by
// priority, then by name, namespace and member.
func Sort(policies []Policy) {
	slices.SortFunc(policies, func(a, b Policy) int {
		return cmp.Or(
			cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Member, b.Member))
	})
}

// InContext gives the policies in the order in which their ids stand in a
// context: members of families first, each part in the order of Sort.
func InContext(policies []Policy) []Policy {
	ordered := slices.Clone(policies)
	Sort(ordered)
	slices.SortStableFunc(ordered, func(a, b Policy) int {
		return cmp.Compare(rank(a), rank(b))
	})
	return ordered
}

func rank(p Policy) int {
	if p.Family != "" {
		return 0
	}
	return 1
}

// Unique leaves out policies whose id another one has, since a context holds
// nothing but ids. An ordinary policy keeps it before a member of a family
// does, and then the one that was created first, so that nobody takes it from
// somebody else by a mistake; of those in the same second it is the first by
// namespace and name. There is a finding for each one left out. The order of the rest is Sort's.
func Unique(policies []Policy) ([]Policy, []dtab.Finding) {
	claims := slices.Clone(policies)
	slices.SortStableFunc(claims, func(a, b Policy) int {
		return cmp.Or(-cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Created, b.Created), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	owners := map[string]Policy{}
	var kept []Policy
	var found []dtab.Finding
	for _, p := range claims {
		owner, taken := owners[p.ID]
		if taken {
			found = append(found, dtab.Finding{
				Code: codeIDTaken, Severity: dtab.Error, Pos: p.Pos,
				Message: "the id " + p.ID + " belongs to the policy " + owner.Namespace + "/" + owner.Name + ", so this one is not active",
				Hint:    "ids are shared by all namespaces: rename one of the two",
			})
			continue
		}
		owners[p.ID] = p
		kept = append(kept, p)
	}
	Sort(kept)
	return kept, found
}
