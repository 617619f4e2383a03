package translate

import (
	"reflect"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/proto"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
)

// addRouter adds what a router has beside its virtual hosts.
func (m *Model) addRouter(cb *classBuilder, t *hostTable) {
	r := t.explored.router
	cb.source = t.source
	b := &builder{router: r}
	cb.addRouteConfiguration(b.routeConfiguration())
	cb.declare(r)
	decided := m.decidedAt(r)
	spec := listenerSpec{
		Name: r.key.String(), RouteConfig: r.key.String(), Class: r.spec.ProxyClass, Router: r.key.String(),
		Port: uint32(r.spec.Port), Bind: r.spec.Bind, Families: r.spec.IPFamilies, Untrusted: r.untrusted(), Hops: uint32(r.spec.XFFNumTrustedHops),
		AdHoc: r.spec.AdHocOverrides != nil, Identifying: r.identifier.header, Policies: r.untrusted(), In: r.handsOver(),
		PolicyExtension: policyExtensionName(r.key.String()), DynamicForwardProxy: t.needs.get(dynamicCluster) != nil,
		ReadBaggage: m.readsBaggage(), WriteBaggage: r.carries(v1alpha1.CarrierBaggage),
		NoteContext: !r.carries(v1alpha1.CarrierL5dCtx) || r.spec.AdHocOverrides != nil || cb.snapshot.made.outside > 0,
		OnDemand:    r.spec.OnDemand != nil, AsksHosts: r.asksHosts(), AccessLog: r.spec.AccessLog,
		Metrics: r.spec.Metrics, Tracing: r.tracing(), ReadsTraces: m.traces(), source: cb.source,
	}
	if spec.Policies {
		m.addPolicies(cb, spec.PolicyExtension, decided)
	}
	if spec.AdHoc {
		ext := foretoldExtension(foretoldName(spec.Router), nil)
		cb.add(cb.extension(ext, validateDeep(ext), nil, withoutOverrides()))
	}
	m.addListeners(cb, spec)
	if r.tls != nil && (len(r.tls.chains) > 0 || r.tls.fallback != "") {
		m.addSecrets(cb, r)
		spec.Name, spec.Port, spec.TLS = spec.Name+"/tls", uint32(r.spec.TLS.Port), r.tls
		m.addListeners(cb, spec)
	}
}

// addPolicies adds the edge's decision, in two filters that travel by
// themselves so that their change does not touch the listener.
func (m *Model) addPolicies(cb *classBuilder, name string, decided []dogfood.Policy) {
	var clusters []string
	for _, c := range policyClusters(decided) {
		if !slices.Contains(cb.snapshot.made.extra, c.Name) {
			cb.add(cb.cluster(c))
			cb.snapshot.made.extra = append(cb.snapshot.made.extra, c.Name)
		}
		clusters = append(clusters, c.Name)
	}
	tokens, err := newTokenExtension(tokenExtensionName(name), decided)
	cb.add(cb.extension(tokens, err, clusters, withoutTokens()))
	policies, err := newPolicyExtension(name, decided)
	cb.add(cb.extension(policies, err, nil, withoutPolicies()))
}

// extension encodes one, unless making it has failed. Without it a listener goes by
// another config.
func (m *maker) extension(ext *corev3.TypedExtensionConfig, err error, clusters []string, without proto.Message) *Resource {
	if err != nil {
		m.cannot("the policies cannot be told to Envoy", err)
		return nil
	}
	r := m.resource(ext.Name, ext, clusters)
	if r != nil {
		r.Without = mustAny(without)
	}
	return r
}

// addListeners adds a router's listener. One that binds the pod's address is made
// for each proxy that says where it is, and here for nobody.
func (m *Model) addListeners(cb *classBuilder, spec listenerSpec) {
	if spec.Bind != v1alpha1.BindPod {
		l := cb.madeListener(spec)
		cb.snapshot.made.listeners[spec.Name] = l
		cb.add(l.resource)
		cb.addLocal(spec.Name, FullScope(""), l.told)
		return
	}
	var was *PodListener
	if cb.before != nil {
		was = cb.before.AtPods[spec.Name]
	}
	if was != nil && reflect.DeepEqual(was.spec, spec) {
		cb.snapshot.AtPods[spec.Name] = was
		return
	}
	at := cb.newPodListener(spec)
	if at == nil {
		return
	}
	if was != nil {
		at.prepare(was)
	}
	cb.snapshot.AtPods[spec.Name] = at
}

// madeListener makes a listener, unless it was made of the same before.
func (cb *classBuilder) madeListener(spec listenerSpec) *madeListener {
	if cb.before != nil {
		if was := cb.before.made.listeners[spec.Name]; was != nil && reflect.DeepEqual(was.spec, spec) {
			return was
		}
	}
	l := &madeListener{spec: spec}
	_, l.resource = cb.listener(spec, "")
	if spec.OnDemand {
		_, l.told = cb.listener(spec.told(), "")
	}
	return l
}

// atPod gives what proxies of a pod listen with, by the scope they are at.
func (r listenerSpec) atPod(ip string) map[Scope]listenerSpec {
	all := map[Scope]listenerSpec{PodScope(ip): r}
	if r.OnDemand {
		all[FullScope(PodScope(ip))] = r.told()
	}
	return all
}

// told is the listener of proxies that are told of everything in advance.
func (r listenerSpec) told() listenerSpec {
	r.OnDemand, r.AsksHosts = false, false
	return r
}

// listener makes a router's listener; podIP counts for bind "pod" alone.
func (m *maker) listener(spec listenerSpec, podIP string) (*listenerv3.Listener, *Resource) {
	l, err := newListener(spec, podIP)
	if err != nil {
		m.cannot("the listener cannot be told to Envoy", err)
		return nil, nil
	}
	return l, m.make(spec.Name, l, func() (*Resource, error) { return spec.encoded(l, m.source) })
}
