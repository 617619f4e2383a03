package discovery

import (
	"cmp"

	networkingv1 "k8s.io/api/networking/v1"
)

// classFact is what counts of an IngressClass.
type classFact struct {
	name string
	// byDefault: Ingresses without a class are of this one.
	byDefault bool
	created   int64 // in Unix seconds; 0 where nobody has said so
}

func classFactOf(c *networkingv1.IngressClass) *classFact {
	fact := &classFact{name: c.Name, byDefault: c.Annotations[networkingv1.AnnotationIsDefaultIngressClass] == "true"}
	if !c.CreationTimestamp.IsZero() {
		fact.created = c.CreationTimestamp.Unix()
	}
	return fact
}

// defaultClass gives the class of Ingresses that name none, "" if there is none.
// The API server writes it into those that are created while there is one; those
// from before, or in files, are without. Of several it is the newest, and of
// those the first by name, as for the API server (admission plugin
// DefaultIngressClass).
func (s *store) defaultClass() string {
	best := &classFact{}
	for i := range s.held {
		fact, ok := s.fact(i).(*classFact)
		if ok && fact.byDefault && (best.name == "" || cmp.Or(cmp.Compare(best.created, fact.created), cmp.Compare(fact.name, best.name)) < 0) {
			best = fact
		}
	}
	return best.name
}
