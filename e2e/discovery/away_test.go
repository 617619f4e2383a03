package discovery_test

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"

	"kibble.dev/discovery"
	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/waittest"
	"kibble.dev/status"
)

// Who reads some namespaces only may not read CustomResourceDefinitions. It keeps
// what went with them all the same, and lets go what somebody deletes.
func TestKindsDeletedUnderRoles(t *testing.T) {
	l := newLab(t)
	l.apply(manifest)
	rights := discovery.Rights{Namespaced: true}
	w := l.watch(discovery.ClusterOptions{Config: l.account("least", rights.Rules(), "prod"), Namespaces: []string{"prod"}})
	has := func(routers, kept int) func(discovery.Update) bool {
		return func(u discovery.Update) bool { return len(u.Inventory.Routers) == routers && len(u.Kept) == kept }
	}
	w.until("everything is read", has(1, 0))

	l.deleteKind("routers")
	w.until("the Router is kept", has(1, 1))
	w.until("it is told", func(u discovery.Update) bool {
		return hasFinding(u, "router prod/ingress", "KB1019") && hasFinding(u, "are not installed", "charts/kibble-crds", "KB1013")
	})
	l.installKinds()
	w.until("the kind is there again", func(u discovery.Update) bool { return has(1, 1)(u) && !hasFinding(u, "KB1013") })
	l.apply(manifest)
	w.until("the Router is there again", has(1, 0))
	l.delete(router)
	w.until("what was deleted is gone", has(0, 0))
	if strings.Contains(w.log.String(), "level=ERROR") {
		t.Error(w.log)
	}
}

// deleteKind deletes a CustomResourceDefinition, and returns when it is gone.
func (l *lab) deleteKind(plural string) {
	l.Helper()
	o := kubetest.Objects(l, "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: "+plural+".kibble.dev}}")[0]
	l.must(l.client(o).Delete(l.Context(), o.GetName(), metav1.DeleteOptions{}))
	waittest.Until(l, plural+" are gone", func() bool {
		_, err := l.client(o).Get(l.Context(), o.GetName(), metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

// A watch falls silent while its connection lives: something between keeps it
// up. It is begun again, and what has changed meanwhile is seen.
func TestSilentWatch(t *testing.T) {
	l := newLab(t)
	l.apply(manifest)
	between := l.between()
	w := l.watch(discovery.ClusterOptions{Config: between.config, Silence: 3 * time.Second})
	w.until("everything is read", is(web, "10.0.0.1", "10.0.0.2", "10.0.0.3"))
	between.hush()
	l.apply(strings.Replace(manifest, "10.0.0.3", "10.0.0.4", 1))
	w.until("the change is seen", is(web, "10.0.0.1", "10.0.0.2", "10.0.0.4"))
}

// middlebox passes requests on to the API server. Watches that run can be hushed:
// they stay, and nothing comes any more.
type middlebox struct {
	config *rest.Config
	mu     sync.Mutex
	hushed chan struct{} // closed when the watches that were begun until then are hushed
}

func (l *lab) between() *middlebox {
	l.Helper()
	target, err := url.Parse(l.Config.Host)
	l.must(err)
	m := &middlebox{hushed: make(chan struct{})}
	transport, err := rest.TransportFor(l.Config)
	l.must(err)
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport, FlushInterval: -1,
		ModifyResponse: func(r *http.Response) error {
			if r.Request.URL.Query().Get("watch") != "" {
				m.mu.Lock()
				defer m.mu.Unlock()
				r.Body = &hushable{r.Body, r.Request.Context().Done(), m.hushed}
			}
			return nil
		},
	}
	server := httptest.NewUnstartedServer(proxy)
	own := l.Certify("127.0.0.1")
	pair, err := tls.X509KeyPair(own.Certificate, own.Key)
	l.must(err)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	server.EnableHTTP2 = true
	server.StartTLS()
	l.Cleanup(server.Close)
	m.config = rest.AnonymousClientConfig(l.Config)
	m.config.Host = server.URL
	return m
}

// hush silences the watches that run now.
func (m *middlebox) hush() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.hushed)
	m.hushed = make(chan struct{})
}

// hushable is a body of which nothing comes any more once it is hushed.
type hushable struct {
	io.ReadCloser
	gone   <-chan struct{} // who reads it
	hushed <-chan struct{}
}

func (h *hushable) Read(b []byte) (int, error) {
	n, err := h.ReadCloser.Read(b)
	select {
	case <-h.hushed:
		<-h.gone
		return 0, io.EOF
	default:
		return n, err
	}
}

// Replicas tell the one that writes of their proxies by Leases, which are written
// when there is something new or they are to be renewed, and end by themselves.
func TestReports(t *testing.T) {
	l := newLab(t)
	config := l.account("least", nil)
	l.grant("least", "kibble", status.LeaseRules("status"))
	reports := func(identity string) *status.Reports { return l.reports(config, "kibble", identity) }
	first, second, writer := reports("first"), reports("second"), reports("writer")
	now := time.Now()
	told := func(want ...string) {
		t.Helper()
		got := writer.Others(t.Context(), now)
		if len(got) != len(want) || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("the others tell %q, want %q", got, want)
		}
	}
	versions := func() (all []string) {
		t.Helper()
		list, err := l.admin.CoordinationV1().Leases("kibble").List(t.Context(), metav1.ListOptions{})
		l.must(err)
		for _, lease := range list.Items {
			all = append(all, lease.ResourceVersion)
		}
		return all
	}
	told()
	first.Tell(t.Context(), now, "a")
	waittest.Until(l, "one tells", func() bool { return len(writer.Others(t.Context(), now)) == 1 })
	before := versions()
	first.Tell(t.Context(), now.Add(9*time.Second), "a")
	if !slices.Equal(versions(), before) {
		t.Error("what had not changed was written")
	}
	now = now.Add(20 * time.Second)
	first.Tell(t.Context(), now, "b")
	second.Tell(t.Context(), now, "b")
	waittest.Until(l, "both tell", func() bool { return strings.Join(writer.Others(t.Context(), now), " ") == "b b" })
	now = now.Add(11 * time.Second)
	second.Tell(t.Context(), now, "b")
	waittest.Until(l, "one was renewed", func() bool { return len(writer.Others(t.Context(), now.Add(25*time.Second))) == 1 })
	now = now.Add(25 * time.Second)
	told("b")
	second.Withdraw(t.Context())
	waittest.Until(l, "nobody tells, and nothing is left", func() bool {
		list, err := l.admin.CoordinationV1().Leases("kibble").List(t.Context(), metav1.ListOptions{})
		l.must(err)
		return len(writer.Others(t.Context(), now)) == 0 && len(list.Items) == 0
	})
}

func (l *lab) reports(config *rest.Config, namespace, identity string) *status.Reports {
	l.Helper()
	client, err := coordinationv1client.NewForConfig(config)
	l.must(err)
	return &status.Reports{Client: client.Leases(namespace), Lease: "status", Identity: identity, Logger: slog.New(slog.DiscardHandler)}
}
