package publish

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/translate"
)

// beside gives what proxies beside pods are to have of a router at a port.
func beside(port int32) *translate.ClassSnapshot {
	s, _ := translate.NewModel(&translate.Inventory{Routers: []*translate.Sourced[v1alpha1.Router]{{Object: v1alpha1.Router{
		ObjectMeta: metav1.ObjectMeta{Name: "in", Namespace: "default"},
		Spec:       v1alpha1.RouterSpec{ProxyClass: "sidecar", Port: port, Bind: v1alpha1.BindPod},
	}}}}, time.Time{}).Snapshot()
	return s.Classes["sidecar"]
}

// A listener at pods that was tried as a sample, and is bad, is kept from proxies
// that are connected and from those that come; another one is given to all.
func TestBadAtPods(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := NewClass(Options{})
	connect := func(ip string) *Proxy {
		p := c.Connect(now, []translate.Scope{translate.PodScope(ip)}, false)
		p.Subscribe(now, Subscription{Type: translate.ListenerType, Wildcard: true})
		return p
	}
	given := func(p *Proxy) string {
		r := p.Next(now, translate.ListenerType)
		if r == nil {
			return ""
		}
		p.Sent(r, "n")
		p.Ack(now, translate.ListenerType, "n")
		if len(r.Resources) == 0 {
			return ""
		}
		return r.Resources[0].Version
	}
	at := func(s *translate.ClassSnapshot, ip string) *translate.Resource {
		return s.AtPods["default/in"].At(translate.PodScope(ip))
	}
	bad, good := beside(1), beside(2)
	first := connect("10.0.0.1")
	c.Publish(now, bad)
	sample := at(bad, translate.SamplePod)
	c.Refuse(now, Version{translate.ListenerType, sample.Name, translate.SampleOf(translate.PodScope("10.0.0.1")), sample.Version}, "no")
	for _, p := range []*Proxy{first, connect("10.0.0.2")} {
		if v := given(p); v != "" {
			t.Errorf("a proxy is given %s", v)
		}
	}
	c.Publish(now, good)
	for ip, p := range map[string]*Proxy{"10.0.0.1": first, "10.0.0.3": connect("10.0.0.3")} {
		if v := given(p); v != at(good, ip).Version {
			t.Errorf("the proxy at %s is given %q", ip, v)
		}
	}
}
