package discovery_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/discovery"
	"kibble.dev/internal/pki"
	"kibble.dev/internal/waittest"
	"kibble.dev/status"
	"kibble.dev/translate"
)

const ingresses = `
apiVersion: v1
kind: Service
metadata: {name: edge, namespace: kibble}
spec: {type: LoadBalancer, ports: [{name: http, port: 80}]}
---
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: web, namespace: prod}
spec:
  proxyClass: edge
  port: 8080
  tls: {port: 8443, redirectHTTP: true}
  identifier: {kind: io.l5d.ingress}
  dtab: "/svc => /#/io.l5d.k8s"
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ours, namespace: prod}
spec:
  ingressClassName: kibble
  tls: [{hosts: [shop.example], secretName: shop}]
  rules: [{host: shop.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: theirs, namespace: prod}
spec:
  ingressClassName: nginx
  tls: [{hosts: [other.example], secretName: other}]
  rules: [{host: other.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]}}]
`

// tlsSecret makes a Secret as kubectl create secret tls does, or renews it, and
// gives the certificate.
func (l *lab) tlsSecret(name string) string {
	l.Helper()
	authority, err := pki.NewAuthority(time.Now(), time.Hour)
	l.must(err)
	pair, err := authority.Server([]string{name + ".example"}, time.Now(), time.Hour)
	l.must(err)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "prod"}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{corev1.TLSCertKey: pair.Certificate, corev1.TLSPrivateKeyKey: pair.Key},
	}
	client := l.admin.CoreV1().Secrets("prod")
	if _, err = client.Update(l.Context(), secret, metav1.UpdateOptions{}); err != nil {
		_, err = client.Create(l.Context(), secret, metav1.CreateOptions{})
	}
	l.must(err)
	return string(pair.Certificate)
}

// The certificates of our Ingresses are read, and followed, and no others.
func TestCertificates(t *testing.T) {
	l := newLab(t)
	l.namespace("kibble", nil)
	l.apply(manifest)
	l.apply(ingresses)
	l.tlsSecret("other")
	options := discovery.ClusterOptions{Config: l.account("reader", discovery.Rights{Secrets: []string{"shop"}, Ingresses: true}.Rules())}
	w := l.watch(options)
	shop := translate.Key{Namespace: "prod", Name: "shop"}
	held := func(u discovery.Update) string { return string(u.Inventory.Secrets[shop][translate.TLSCertificate]) }
	w.until("the Ingresses are read", func(u discovery.Update) bool { return len(u.Inventory.Ingresses) == 2 })
	for range 2 {
		certificate := l.tlsSecret("shop")
		u := w.until("the certificate is there", func(u discovery.Update) bool { return held(u) == certificate })
		if len(u.Inventory.Secrets) != 1 || len(u.Inventory.Secrets[shop]) != 2 || len(u.Findings) > 0 {
			t.Errorf("%d Secrets, %v", len(u.Inventory.Secrets), u.Findings)
		}
		once, found, err := discovery.ReadCluster(t.Context(), options)
		if err != nil || len(found) > 0 || string(once.Secrets[shop][translate.TLSCertificate]) != certificate {
			t.Errorf("reading once gives %d Secrets, %v, %v", len(once.Secrets), found, err)
		}
	}
	l.delete("{apiVersion: v1, kind: Secret, metadata: {name: shop, namespace: prod}}")
	w.until("it is gone", func(u discovery.Update) bool { return held(u) == "" })
	if strings.Contains(w.log.String(), "orbidden") {
		t.Error(w.log)
	}
}

// The Ingresses of our class get the addresses of the edge's Service, those of
// others are left alone, with exactly the rights that are written down.
func TestIngressStatus(t *testing.T) {
	l := newLab(t)
	l.namespace("kibble", nil)
	l.apply(manifest)
	l.apply(ingresses)
	config := l.account("least", slices.Concat(discovery.Rights{Secrets: []string{"shop"}, Ingresses: true}.Rules(), status.Rules(), status.IngressRules()))
	l.grant("least", "kibble", status.LeaseRules("status"))
	serving := l.serve(build(t), config, "--status-lease", "kibble/status", "--ingress-status-service", "kibble/edge")
	addresses := func(name string) (all []string) {
		in, err := l.admin.NetworkingV1().Ingresses("prod").Get(t.Context(), name, metav1.GetOptions{})
		l.must(err)
		for _, a := range in.Status.LoadBalancer.Ingress {
			all = append(all, a.IP+a.Hostname)
		}
		return all
	}
	theirs, err := l.admin.NetworkingV1().Ingresses("prod").Get(t.Context(), "theirs", metav1.GetOptions{})
	l.must(err)
	theirs.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "192.0.2.9"}}
	_, err = l.admin.NetworkingV1().Ingresses("prod").UpdateStatus(t.Context(), theirs, metav1.UpdateOptions{})
	l.must(err)
	for _, want := range [][]corev1.LoadBalancerIngress{
		{{IP: "192.0.2.1"}, {Hostname: "edge.example"}}, {{IP: "192.0.2.2"}}, nil, {{IP: "192.0.2.3"}},
	} {
		service, err := l.admin.CoreV1().Services("kibble").Get(t.Context(), "edge", metav1.GetOptions{})
		l.must(err)
		service.Status.LoadBalancer.Ingress = want
		_, err = l.admin.CoreV1().Services("kibble").UpdateStatus(t.Context(), service, metav1.UpdateOptions{})
		l.must(err)
		var texts []string
		for _, a := range want {
			texts = append(texts, a.IP+a.Hostname)
		}
		waittest.Until(l, "the Ingress has "+strings.Join(texts, ","), func() bool { return slices.Equal(addresses("ours"), texts) })
	}
	for range 2 { // one that is deleted and made anew at once is another
		waittest.Until(l, "the next second begins", func() bool {
			in, err := l.admin.NetworkingV1().Ingresses("prod").Get(t.Context(), "ours", metav1.GetOptions{})
			l.must(err)
			return time.Now().Unix() > in.CreationTimestamp.Unix()
		})
		l.must(l.admin.NetworkingV1().Ingresses("prod").Delete(t.Context(), "ours", metav1.DeleteOptions{}))
		l.apply(ingresses)
		waittest.Until(l, "the new Ingress has it too", func() bool { return slices.Equal(addresses("ours"), []string{"192.0.2.3"}) })
	}
	if got := addresses("theirs"); !slices.Equal(got, []string{"192.0.2.9"}) {
		t.Errorf("another's Ingress has %v", got)
	}
	if strings.Contains(serving.log.String(), "orbidden") {
		t.Error(serving.log)
	}
}

// Which class is the default is followed, on a real API and with exactly the
// rights that are written down.
func TestDefaultIngressClass(t *testing.T) {
	l := newLab(t)
	l.namespace("kibble", nil)
	l.apply(manifest)
	l.apply(ingresses)
	l.apply(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: plain, namespace: prod}
spec:
  rules: [{host: plain.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]}}]
`)
	w := l.watch(discovery.ClusterOptions{Config: l.account("reader", discovery.Rights{Secrets: []string{"shop"}, Ingresses: true}.Rules())})
	class := func(u discovery.Update) string {
		for _, in := range u.Inventory.Ingresses {
			if in.Object.Name == "plain" {
				return in.Object.Class
			}
		}
		return "absent"
	}
	w.until("it has no class", func(u discovery.Update) bool { return class(u) == "" })
	client := l.admin.NetworkingV1().IngressClasses()
	made, err := client.Create(t.Context(), &networkingv1.IngressClass{
		ObjectMeta: metav1.ObjectMeta{Name: "kibble"}, Spec: networkingv1.IngressClassSpec{Controller: "kibble.dev/kibble"},
	}, metav1.CreateOptions{})
	l.must(err)
	for _, test := range []struct{ value, want string }{{"true", "kibble"}, {"false", ""}, {"true", "kibble"}} {
		made.Annotations = map[string]string{networkingv1.AnnotationIsDefaultIngressClass: test.value}
		made, err = client.Update(t.Context(), made, metav1.UpdateOptions{})
		l.must(err)
		w.until("with the default "+test.value+" it is of class "+test.want, func(u discovery.Update) bool { return class(u) == test.want })
	}
	l.must(client.Delete(t.Context(), "kibble", metav1.DeleteOptions{}))
	u := w.until("without the class it is of none", func(u discovery.Update) bool { return class(u) == "" })
	if strings.Contains(w.log.String(), "orbidden") || len(u.Findings) > 0 {
		t.Error(u.Findings, w.log)
	}
}
