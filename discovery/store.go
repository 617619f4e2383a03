package discovery

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// store holds the objects of all sources and makes inventories of them. A
// source is whatever writes objects and takes them back as a whole: a file, or
// one object of a cluster. What changes costs what it touches: an EndpointSlice
// one Service, a Pod the Services that it stands behind; all else is shared
// with the inventory before. It is not for concurrent use.
type store struct {
	sources map[string][]object
	// held has every object that is written anywhere, the one that counts first.
	held map[id][]holding
	// doubled are the ids that are written more than once.
	doubled  map[id]bool
	services *services
	last     *translate.Inventory
	// stale says which lists of last are out of date, by kind.
	stale map[string]bool
}

type holding struct {
	source string
	object object
}

func newStore() *store {
	return &store{
		sources: map[string][]object{}, held: map[id][]holding{}, doubled: map[id]bool{},
		services: newServices(), stale: map[string]bool{},
		last: &translate.Inventory{
			Services: map[translate.Key]*translate.Service{}, Namespaces: map[string]translate.Labels{},
			Files:    map[string]map[string]*translate.File{},
			KeyFiles: map[string]translate.KeyFile{}, Secrets: map[translate.Key]map[string]dogfood.Sealed{},
		},
	}
}

// set says what a source holds now; nothing: the source is gone. Facts that are
// equal to those that the source held before are not new.
func (s *store) set(source string, objects []object) {
	before := map[id]any{}
	for _, list := range [][]object{s.sources[source], objects} {
		for _, o := range list {
			before[o.id] = s.fact(o.id)
		}
	}
	own := map[id]any{}
	for _, o := range s.sources[source] {
		own[o.id] = o.fact
		s.remove(o.id, source)
	}
	objects = slices.Clone(objects)
	for i, o := range objects {
		if old := own[o.id]; reflect.DeepEqual(old, o.fact) {
			objects[i].fact = old
		}
		s.add(source, objects[i])
	}
	s.sources[source] = objects
	if len(objects) == 0 {
		delete(s.sources, source)
	}
	for id, old := range before {
		if now := s.fact(id); now != old {
			s.changed(id, old, now)
		}
	}
}

// fact gives what counts of an object, nil if it is nowhere.
func (s *store) fact(i id) any {
	if h := s.held[i]; len(h) > 0 {
		return h[0].object.fact
	}
	return nil
}

func (s *store) add(source string, o object) {
	list := slices.Concat(s.held[o.id], []holding{{source, o}})
	slices.SortStableFunc(list, func(a, b holding) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.object.pos.Line, b.object.pos.Line))
	})
	s.hold(o.id, list)
}

func (s *store) remove(i id, source string) {
	s.hold(i, slices.DeleteFunc(s.held[i], func(h holding) bool { return h.source == source }))
}

func (s *store) hold(i id, list []holding) {
	s.held[i] = list
	if len(list) == 0 {
		delete(s.held, i)
	}
	s.doubled[i] = true
	if len(list) < 2 {
		delete(s.doubled, i)
	}
}

// changed passes a change on to who depends on it.
func (s *store) changed(i id, old, now any) {
	key := translate.Key{Namespace: i.namespace, Name: i.name}
	switch i.kind {
	case kindService:
		fact, _ := now.(*serviceFact)
		s.services.setService(key, fact)
	case kindSlice, kindEndpoints:
		was, _ := old.(*slicesFact)
		is, _ := now.(*slicesFact)
		s.services.setSlices(i, was, is)
	case kindPod:
		was, _ := old.(*podFact)
		is, _ := now.(*podFact)
		s.services.setPod(was, is)
	default:
		s.stale[i.kind] = true
	}
}

// setFiles says what the directories of io.l5d.fs namers hold. The map is not
// changed by anybody afterwards.
func (s *store) setFiles(files map[string]map[string]*translate.File) {
	next := *s.last
	next.Files = files
	s.last = &next
}

// setKeyFiles says what the files of keys hold that policies name. The map is
// not changed by anybody afterwards.
func (s *store) setKeyFiles(files map[string]translate.KeyFile) {
	if maps.Equal(files, s.last.KeyFiles) {
		return
	}
	next := *s.last
	next.KeyFiles = files
	s.last = &next
}

// policies gives the DogfoodPolicies that count, sorted.
func (s *store) policies() []*translate.Sourced[v1alpha1.DogfoodPolicy] {
	return list[v1alpha1.DogfoodPolicy](s, v1alpha1.KindDogfoodPolicy)
}

// routers gives the Routers that count, sorted.
func (s *store) routers() []*translate.Sourced[v1alpha1.Router] {
	return list[v1alpha1.Router](s, v1alpha1.KindRouter)
}

// inventory gives what all sources hold together. It is the same pointer as
// before if nothing has changed.
func (s *store) inventory() *translate.Inventory {
	changed := s.services.build(s.last.Services)
	secrets := s.last.Secrets
	if s.stale[kindSecret] || s.stale[v1alpha1.KindDogfoodPolicy] || s.stale[v1alpha1.KindRouter] || s.stale[kindIngress] || s.stale[kindIngressClass] {
		if now := s.secrets(); !reflect.DeepEqual(now, secrets) {
			secrets = now
		} else {
			delete(s.stale, kindSecret) // of a Secret that nobody names
		}
	}
	if len(changed) == 0 && len(s.stale) == 0 {
		return s.last
	}
	next := *s.last
	next.Secrets = secrets
	if len(changed) > 0 {
		next.Services = maps.Clone(next.Services)
		for key, service := range changed {
			next.Services[key] = service
			if service == nil {
				delete(next.Services, key)
			}
		}
	}
	for kind := range s.stale {
		switch kind {
		case kindNamespace:
			next.Namespaces = s.namespaces()
		case kindIngress, kindIngressClass:
			next.Ingresses = s.ingresses()
		case v1alpha1.KindRouter:
			next.Routers = s.routers()
		case v1alpha1.KindDtab:
			next.Dtabs = list[v1alpha1.Dtab](s, kind)
		case v1alpha1.KindDogfoodPolicy:
			next.Policies = s.policies()
		}
	}
	clear(s.stale)
	s.last = &next
	return s.last
}

func (s *store) namespaces() map[string]translate.Labels {
	all := map[string]translate.Labels{}
	for i := range s.held {
		if fact, ok := s.fact(i).(*labelsFact); ok {
			all[i.name] = fact.labels
		}
	}
	return all
}

// list gives the objects of a kind that count, sorted by namespace and name.
func list[T any](s *store, kind string) []*translate.Sourced[T] {
	var ids []id
	for i := range s.held {
		if i.kind == kind {
			ids = append(ids, i)
		}
	}
	slices.SortFunc(ids, func(a, b id) int {
		return cmp.Or(strings.Compare(a.namespace, b.namespace), strings.Compare(a.name, b.name))
	})
	var all []*translate.Sourced[T]
	for _, i := range ids {
		if fact, ok := s.fact(i).(*translate.Sourced[T]); ok {
			all = append(all, fact)
		}
	}
	return all
}

// duplicates tells of objects that are written more than once.
func (s *store) duplicates() []dtab.Finding {
	var found []dtab.Finding
	for i := range s.doubled {
		first := s.held[i][0].object.pos
		for _, h := range s.held[i][1:] {
			found = append(found, dtab.Finding{
				Code: codeDuplicate, Severity: dtab.Error, Pos: h.object.pos,
				Message: fmt.Sprintf("%s is already written at %s, which counts", i, first),
				Hint:    "rename or take away one of them",
			})
		}
	}
	return found
}
