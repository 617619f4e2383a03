package translate

import (
	"cmp"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// With gives an inventory as it would be if the objects of another were written
// beside its own, and in place of those of the same name. Nothing goes. Neither
// of the two is changed.
func (inv *Inventory) With(more *Inventory) *Inventory {
	next := *inv
	next.Services = merged(inv.Services, more.Services)
	next.Namespaces = merged(inv.Namespaces, more.Namespaces)
	next.Files = merged(inv.Files, more.Files)
	next.KeyFiles = merged(inv.KeyFiles, more.KeyFiles)
	next.Secrets = merged(inv.Secrets, more.Secrets)
	next.Routers = written(inv.Routers, more.Routers)
	next.Dtabs = written(inv.Dtabs, more.Dtabs)
	next.Policies = written(inv.Policies, more.Policies)
	next.Ingresses = slices.Clone(inv.Ingresses)
	for _, i := range more.Ingresses {
		same := func(o *Sourced[HTTPIngress]) bool { return o.Object.Key == i.Object.Key }
		if at := slices.IndexFunc(next.Ingresses, same); at >= 0 {
			next.Ingresses[at] = i // it keeps its age, and so its place
		} else {
			next.Ingresses = append(next.Ingresses, i)
		}
	}
	return &next
}

func merged[K comparable, V any](a, b map[K]V) map[K]V {
	all := make(map[K]V, len(a)+len(b))
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}

// written gives the objects of both lists, those of the second in place of those
// of the first that have the same name, sorted.
func written[T any](a, b []*Sourced[T]) []*Sourced[T] {
	byKey := map[Key]*Sourced[T]{}
	for _, o := range slices.Concat(a, b) {
		if m, ok := any(&o.Object).(metav1.Object); ok {
			byKey[Key{m.GetNamespace(), m.GetName()}] = o
		}
	}
	keys := slices.SortedFunc(maps.Keys(byKey), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	all := make([]*Sourced[T], len(keys))
	for i, k := range keys {
		all[i] = byKey[k]
	}
	return all
}

// Read is the time that the model was made for: policies that have ended by then
// are over.
func (m *Model) Read() time.Time { return m.read }
