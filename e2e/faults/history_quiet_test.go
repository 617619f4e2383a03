package faults_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// quietSteps change what proxies are told, and no answer.
func quietSteps() []step {
	return []step{
		{"metrics", 1, oneOf([]string{"ingress", "ingress all", "outgoing", "outgoing all", "incoming", "incoming all"}, nil), doMetrics},
		{"carriers", 1, oneOf([]string{"ingress", "ingress both", "outgoing", "outgoing both"}, nil), doCarriers},
		{"log", 1, oneOf([]string{"ingress", "ingress all", "outgoing none", "outgoing environments", "incoming all", "incoming"}, nil), doLog},
		{"responses", 1, oneOf([]string{"outgoing", "outgoing there", "outgoing elsewhere"}, nil), doResponses},
		{"slice", 4, oneOf(slices.Concat(targets(), namespaced), nil), doSlice},
		{"traces", 3, drawTraces, doTraces},
		{"protocol", 4, drawProtocol, doProtocol},
		{"when", 3, drawWhen, doWhen},
	}
}

func doMetrics(h *history, what string) {
	router, is, _ := strings.Cut(what, " ")
	h.lab.Set("Router", router, map[string]any{"": nil, "all": "all"}[is], "spec", "metrics")
}

// doCarriers has requests carry their context in baggage too, or no longer.
func doCarriers(h *history, what string) {
	router, is, _ := strings.Cut(what, " ")
	h.lab.Set("Router", router, map[string]any{"": nil, "both": []any{"l5d-ctx", "baggage"}}[is], "spec", "carriers")
}

func doLog(h *history, what string) {
	router, is, _ := strings.Cut(what, " ")
	h.lab.Set("Router", router, is, "spec", "accessLog")
}

// doResponses has a Router answer for hosts itself that nobody asks for.
func doResponses(h *history, what string) {
	router, host, ok := strings.Cut(what, " ")
	var all any
	if ok {
		all = []any{map[string]any{"host": host + ".test", "body": "here"}}
	}
	h.lab.Set("Router", router, all, "spec", "responses")
}

// doSlice has those behind a service stand in another EndpointSlice: in both for a
// moment.
func doSlice(h *history, service string) {
	before := h.objects.sliceOf(service)
	h.objects.second[service] = !h.objects.second[service]
	if text := h.past.now()[endpointSlices][service]; text != "" {
		h.objects.slice(service, text)
		h.lab.Must(h.lab.Kube.DiscoveryV1().EndpointSlices(before.Namespace).Delete(h.lab.Context(), before.Name, metav1.DeleteOptions{}))
	}
}

// sliceOf is where those behind a service stand.
func (o *objects) sliceOf(service string) (s metav1.ObjectMeta) {
	namespace, name, ok := strings.Cut(service, "/")
	if !ok {
		namespace, name = "default", service
	}
	s = metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: name}}
	if o.second[service] {
		s.Name += "-second"
	}
	return s
}

func drawTraces(_ *history, r *rand.Rand) (string, bool) {
	router := pick(r, []string{"ingress", "outgoing", "incoming"})
	if r.IntN(3) == 0 {
		return router, true
	}
	return router + " " + pick(r, plain) + " " + pick(r, []string{"1", "100"}), true
}

// doTraces has the proxies of a Router tell a service of requests, or no longer. It is
// one that takes no spans, if it is there at all.
func doTraces(h *history, what string) {
	words := strings.Fields(what)
	if len(words) == 1 {
		h.lab.Set("Router", words[0], nil, "spec", "tracing")
		return
	}
	h.lab.Set("Router", words[0], map[string]any{
		"collector": map[string]any{"service": words[1], "port": "http"}, "percent": words[2],
	}, "spec", "tracing")
}

func drawProtocol(_ *history, r *rand.Rand) (string, bool) {
	return pick(r, slices.Concat(plain, []string{"e0", "hello", "world-v1"})) + pick(r, []string{"", " http", " kubernetes.io/h2c", " grpc"}), true
}

// doProtocol has a Service say what those behind it speak, who take whatever it is.
func doProtocol(h *history, what string) {
	name, protocol, _ := strings.Cut(what, " ")
	h.objects.speaks[name] = protocol
	api := h.lab.Kube.CoreV1().Services("default")
	h.lab.Eventually("Service "+name+" says what it speaks", func() error {
		s, err := api.Get(h.lab.Context(), name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil // it says so once it is there
		}
		if err != nil {
			return err
		}
		for i := range s.Spec.Ports {
			s.Spec.Ports[i].AppProtocol = h.objects.protocol(name)
		}
		_, err = api.Update(h.lab.Context(), s, metav1.UpdateOptions{})
		return err
	})
}

// protocol is the appProtocol of a Service, nil if it does not say.
func (o *objects) protocol(service string) *string {
	if said := o.speaks[service]; said != "" {
		return &said
	}
	return nil
}

// conditions hold for those who have the cookie, and for nobody else.
var conditions = map[string]string{
	"cookie": `{cookie: {name: %s, exact: "yes"}}`,
	"any":    `{any: [{header: {name: x-nobody-sends, exact: "this"}}, {cookie: {name: %s, prefix: "yes"}}]}`,
	"all":    `{all: [{cookie: {name: %s, regex: "^y.s$"}}, {not: {header: {name: x-nobody-sends, regex: ".*"}}}]}`,
	"share":  `{all: [{percent: {of: "100", cookie: %[1]s}}, {cookie: {name: %[1]s, contains: "yes"}}]}`,
	"token":  `{any: [{jwt: {issuer: nobody, jwks: '{"keys": [{"kty": "oct", "alg": "HS256", "k": "Zm9vYmFy"}]}'}}, {cookie: {name: %s, exact: "yes"}}]}`,
	"keys":   `{any: [{cookie: {name: %s, exact: "yes"}}, {jwt: {issuer: away, cookie: token, jwksUrl: "http://127.0.0.1:1/keys"}}]}`,
	"source": `{all: [{cookie: {name: %s, exact: "YES", ignoreCase: true}}, {sourceRanges: [0.0.0.0/0, "::/0"]}]}`,
}

func drawWhen(_ *history, r *rand.Rand) (string, bool) {
	return pick(r, environments[:2]) + " " + pick(r, []string{"cookie", "any", "all", "share", "token", "keys", "source"}), true
}

// doWhen has a policy say in other words whom it is for.
func doWhen(h *history, what string) {
	name, words, _ := strings.Cut(what, " ")
	h.objects.when[name] = words
	if text := h.past.now()[policies][name]; text != "" { // else it is not there, or ends by itself
		h.objects.policyAs(name, text)
	}
}

// condition is that of a policy.
func (o *objects) condition(policy string) string {
	if o.when[policy] == "" {
		o.when[policy] = "cookie"
	}
	return fmt.Sprintf(conditions[o.when[policy]], policy)
}
