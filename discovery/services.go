package discovery

import (
	"cmp"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"kibble.dev/translate"
)

// services joins Services, slices and pods. Kubernetes copies Endpoints into
// slices, so Endpoints count only where a Service has no EndpointSlice.
//
// A pod of a dual-stack Service stands in a slice of each family. Only those of
// the Service's first family count, so that nobody is sent to twice as often as
// others, nor by a family that the cluster merely tolerates. Where nobody can be
// sent to by that family, as where pods have no address of it, the others count.
//
// Of a Service of type ExternalName no slice counts. Kubernetes leaves those that
// it had before it became one, and neither its DNS nor kube-proxy looks at them.
type services struct {
	objects map[translate.Key]*serviceFact
	slices  map[translate.Key]map[id]*slicesFact
	pods    map[translate.Key]*podFact
	// byIP finds the pods at an address; pods on the host's network share one.
	byIP map[string]map[*podFact]bool
	// users are the Services that looked for a pod, found or not.
	users map[podRef]map[translate.Key]bool
	refs  map[translate.Key][]podRef
	// stale are the Services to make anew.
	stale map[translate.Key]bool
}

// podRef is how an endpoint names its pod: by name, or else by address.
type podRef struct {
	key translate.Key
	ip  string
}

func newServices() *services {
	return &services{
		objects: map[translate.Key]*serviceFact{}, slices: map[translate.Key]map[id]*slicesFact{},
		pods: map[translate.Key]*podFact{}, byIP: map[string]map[*podFact]bool{},
		users: map[podRef]map[translate.Key]bool{}, refs: map[translate.Key][]podRef{}, stale: map[translate.Key]bool{},
	}
}

func (s *services) setService(key translate.Key, fact *serviceFact) {
	s.stale[key] = true
	s.objects[key] = fact
	if fact == nil {
		delete(s.objects, key)
	}
}

// setSlices replaces the slices that an object holds; old or now may be nil.
func (s *services) setSlices(i id, old, now *slicesFact) {
	if old != nil {
		s.stale[old.service] = true
		delete(s.slices[old.service], i)
		if len(s.slices[old.service]) == 0 {
			delete(s.slices, old.service)
		}
	}
	if now != nil && now.service.Name != "" {
		s.stale[now.service] = true
		if s.slices[now.service] == nil {
			s.slices[now.service] = map[id]*slicesFact{}
		}
		s.slices[now.service][i] = now
	}
}

// setPod replaces a pod; old or now may be nil.
func (s *services) setPod(old, now *podFact) {
	for _, pod := range []*podFact{old, now} {
		if pod == nil {
			continue
		}
		s.touch(podRef{key: pod.key})
		delete(s.pods, pod.key)
		for _, ip := range pod.ips {
			s.touch(podRef{ip: ip})
			delete(s.byIP[ip], pod)
			if len(s.byIP[ip]) == 0 {
				delete(s.byIP, ip)
			}
		}
	}
	if now == nil {
		return
	}
	if len(s.pods) == 0 {
		// Nobody has noted which pods it looks for while there were none.
		for key := range s.slices {
			s.stale[key] = true
		}
	}
	s.pods[now.key] = now
	for _, ip := range now.ips {
		if s.byIP[ip] == nil {
			s.byIP[ip] = map[*podFact]bool{}
		}
		s.byIP[ip][now] = true
	}
}

func (s *services) touch(ref podRef) {
	for key := range s.users[ref] {
		s.stale[key] = true
	}
}

// build makes the Services that may have changed and gives those that have; nil
// stands for one that is gone. Slices that are as before are the same pointers.
func (s *services) build(last map[translate.Key]*translate.Service) map[translate.Key]*translate.Service {
	changed := map[translate.Key]*translate.Service{}
	for key := range s.stale {
		before := last[key]
		now := s.service(key, before)
		if (before == nil) != (now == nil) || now != nil && !reflect.DeepEqual(before, now) {
			changed[key] = now
		}
	}
	clear(s.stale)
	return changed
}

func (s *services) service(key translate.Key, before *translate.Service) *translate.Service {
	now := translate.Service{Key: key}
	if object := s.objects[key]; object != nil {
		now = object.service
	}
	known := map[string]*translate.Slice{}
	if before != nil {
		for _, slice := range before.Slices {
			known[slice.Name] = slice
		}
	}
	s.forget(key)
	for _, slice := range s.counting(key) {
		slice = s.join(key, slice)
		if old := known[slice.Name]; reflect.DeepEqual(old, slice) {
			slice = old
		}
		now.Slices = append(now.Slices, slice)
	}
	if !now.Exists && len(now.Slices) == 0 {
		return nil
	}
	return &now
}

// counting gives the slices of a Service, sorted by name.
func (s *services) counting(key translate.Key) []*translate.Slice {
	if object := s.objects[key]; object != nil && object.service.ExternalName != "" {
		return nil
	}
	var preferred, current, old []*translate.Slice
	first := s.family(key)
	for i, fact := range s.slices[key] {
		switch {
		case i.kind == kindEndpoints:
			old = append(old, fact.slices...)
		case fact.family == first || fact.family == "":
			preferred = append(preferred, fact.slices...)
		default:
			current = append(current, fact.slices...)
		}
	}
	switch {
	case serves(preferred) || len(preferred) > 0 && !serves(current):
		current = preferred
	case len(current) == 0:
		current = old
	}
	slices.SortFunc(current, func(a, b *translate.Slice) int { return cmp.Compare(a.Name, b.Name) })
	return current
}

// serves tells whether somebody in slices can be sent requests.
func serves(list []*translate.Slice) bool {
	return slices.ContainsFunc(list, func(s *translate.Slice) bool {
		return slices.ContainsFunc(s.Endpoints, func(e translate.Endpoint) bool { return e.Ready || e.Terminating && e.Serving })
	})
}

// family gives the family of addresses that a Service is reached by: the first
// of its own, or else IPv4.
func (s *services) family(key translate.Key) corev1.IPFamily {
	if object := s.objects[key]; object != nil && object.family != "" {
		return object.family
	}
	return corev1.IPv4Protocol
}

// join gives the slice with the labels of the pods that are known; without any
// it is the slice itself.
func (s *services) join(service translate.Key, slice *translate.Slice) *translate.Slice {
	joined := slice
	for i, e := range slice.Endpoints {
		pod := s.pod(service, e)
		if pod == nil {
			continue
		}
		if joined == slice {
			c := *slice
			c.Endpoints = slices.Clone(slice.Endpoints)
			joined = &c
		}
		joined.Endpoints[i].Pod, joined.Endpoints[i].Labels = pod.key.Name, pod.labels
	}
	return joined
}

// pod finds the pod of an endpoint and notes who asked.
func (s *services) pod(service translate.Key, e translate.Endpoint) *podFact {
	if len(s.pods) == 0 {
		return nil
	}
	ref := podRef{key: translate.Key{Namespace: service.Namespace, Name: e.Pod}}
	if e.Pod == "" {
		if len(e.Addresses) == 0 {
			return nil
		}
		ref = podRef{ip: e.Addresses[0]}
	}
	if s.users[ref] == nil {
		s.users[ref] = map[translate.Key]bool{}
	}
	if !s.users[ref][service] {
		s.users[ref][service] = true
		s.refs[service] = append(s.refs[service], ref)
	}
	if ref.ip == "" {
		return s.pods[ref.key]
	}
	if len(s.byIP[ref.ip]) == 1 {
		for pod := range s.byIP[ref.ip] {
			return pod
		}
	}
	return nil
}

// forget drops the notes of what a Service asked for.
func (s *services) forget(key translate.Key) {
	for _, ref := range s.refs[key] {
		delete(s.users[ref], key)
		if len(s.users[ref]) == 0 {
			delete(s.users, ref)
		}
	}
	delete(s.refs, key)
}
