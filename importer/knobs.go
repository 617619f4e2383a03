package importer

import (
	"strings"

	"kibble.dev/dtab"
)

// knobs reports the options of a router that Kibble does not have, or has
// another way.
func (r *router) knobs() {
	r.notNeeded("names are bound before requests come, not while they wait", "bindingTimeoutMs", "bindingCache")
	if v, ok := r.get("timeoutMs"); ok {
		noTimeout(v, " of router "+r.label)
	}
	r.get("experimental")
	r.notNeeded("Envoy has limits and statistics of its own", "originator", "maxChunkKB", "maxHeadersKB", "maxInitialLineKB", "maxRequestKB",
		"maxResponseKB", "maxErrResponseKB", "streamAfterContentLengthKB", "streamingEnabled", "initialStreamWindowBytes", "failFast")
	for _, name := range []string{"httpAccessLog", "h2AccessLog"} {
		if v, ok := r.get(name); ok && v.text() != "" {
			r.logged = true
			v.find(dtab.Info, CodeDiffers, "every request is logged, by accessLog: all, as a line of JSON on the standard output of Envoy, not in "+v.text(),
				"without accessLog: all there is a line for what somebody may have to look into only")
		}
		r.notNeeded("the access log is Envoy's, on its standard output", name+"RollPolicy", name+"Append", name+"RotateCount")
	}
	for name, why := range map[string]string{
		"announcers":       "Kibble announces its listeners nowhere",
		"loggers":          "requests are logged by Envoy only",
		"compressionLevel": "bodies are not compressed on the way",
		"tracePropagator":  "trace headers are passed on as they are",
		"maxCallDepth":     "nobody counts how many proxies a request has passed",
	} {
		if v, ok := r.get(name); ok {
			v.find(dtab.Warning, CodeLost, v.path+" has no counterpart: "+why, "")
		}
	}
	if v, ok := r.get("responseClassifier"); ok {
		classifier(v)
	}
	if v, ok := r.get("service"); ok {
		r.perPrefix(v, serviceKnobs)
	}
	if v, ok := r.get("client"); ok {
		r.perPrefix(v, clientKnobs)
	}
}

// perPrefix reads options for all names, or for several prefixes.
func (r *router) perPrefix(v value, read func(m *mapping, of string)) {
	m := v.fields()
	switch kind := m.text("kind"); kind {
	case "io.l5d.static":
		configs, _ := m.get("configs")
		for _, c := range configs.list() {
			each := c.fields()
			read(each, " of router "+r.label+" for "+each.text("prefix"))
		}
		m.rest(v.path)
		return
	case "", "io.l5d.global":
		m.get("prefix")
	default:
		v.find(dtab.Warning, CodeUnknown, v.path+" is of kind "+kind+", which is not known here", "")
	}
	read(m, " of router "+r.label)
}

// serviceKnobs are options of whole requests, retries included.
func serviceKnobs(m *mapping, of string) {
	if v, ok := m.get("responseClassifier"); ok {
		classifier(v)
	}
	if v, ok := m.get("totalTimeoutMs"); ok {
		noTimeout(v, of)
	}
	if v, ok := m.get("retries"); ok {
		v.find(dtab.Warning, CodeDiffers, "retries are not configured: what was surely not delivered is tried three times more, at other endpoints, with 5 to 50 ms between",
			"retries of what a service has answered are the caller's")
	}
	m.notNeeded("what a service has answered is not tried again", "classificationTimeoutMs", "retryBufferSize")
	m.rest("a service")
}

func noTimeout(v value, of string) {
	v.find(dtab.Warning, CodeLost, "routes have no timeout: "+v.text()+" ms"+of+" is not carried over",
		"let callers set one, or the service; Envoy ends streams that stand still")
}

// classifier says what of a response classifier is there.
func classifier(v value) {
	kind, m := v.kinded()
	m.each(func(string, value) {})
	if strings.HasSuffix(strings.ToLower(kind), "nonretryable5xx") {
		v.find(dtab.Info, CodeNotNeeded, kind+" is how Kibble works: a response is an answer, whatever its status", "")
		return
	}
	v.find(dtab.Warning, CodeDiffers, "there is no "+kind+": a response is an answer, also a 5xx, and is not tried again; what was surely not delivered is",
		"retry in the caller where a 5xx is passing; a policy's environment falls back by itself when its service is away")
}

// clientKnobs are options of connections to one destination.
func clientKnobs(m *mapping, of string) {
	if v, ok := m.get("tls"); ok {
		t := v.fields()
		t.each(func(string, value) {})
		if on, ok := t.get("enabled"); ok && !on.yes() {
			v.find(dtab.Info, CodeNotNeeded, v.path+" is not needed: nothing"+of+" leaves with TLS", "")
		} else {
			v.find(dtab.Error, CodeLost, "requests"+of+" leave without TLS: Routers have no TLS to services",
				"end TLS beside the service, or keep these names with a proxy that has it; what speaks only TLS cannot be reached")
		}
	}
	if v, ok := m.get("responseClassifier"); ok { // of before linkerd 1.0
		classifier(v)
	}
	if v, ok := m.get("failureAccrual"); ok {
		kind, f := v.kinded()
		f.each(func(string, value) {})
		v.find(dtab.Warning, CodeDiffers, "failure accrual is not configured ("+kind+"): an endpoint that refuses two connections in a row is left out for 5 seconds, and longer each time; what it answers does not count", "")
	}
	if v, ok := m.get("loadBalancer"); ok {
		kind, f := v.kinded()
		f.each(func(string, value) {})
		if kind == "p2c" || kind == "io.l5d.p2c" {
			v.find(dtab.Info, CodeNotNeeded, "of two endpoints the one with fewer requests is taken, always: as p2c does", "")
		} else {
			v.find(dtab.Warning, CodeDiffers, "of two endpoints the one with fewer requests is taken (p2c), always; there is no "+kind, "")
		}
	}
	if v, ok := m.get("requeueBudget"); ok {
		v.find(dtab.Info, CodeDiffers, "requeues are not configured: three tries more, at other endpoints", "")
	}
	if v, ok := m.get("retries"); ok {
		v.find(dtab.Warning, CodeDiffers, "retries are not configured: what was surely not delivered is tried three times more, at other endpoints", "")
	}
	if v, ok := m.get("requestAttemptTimeoutMs"); ok {
		v.find(dtab.Warning, CodeLost, "tries have no timeout: "+v.text()+" ms"+of+" is not carried over", "let callers set one, or the service")
	}
	if v, ok := m.get("connectTimeoutMs"); ok {
		v.find(dtab.Warning, CodeDiffers, "a connection must stand after 1 second; "+v.text()+" ms is not carried over", "")
	}
	for _, name := range []string{"requestAuthorizers", "forwardClientCert"} {
		if v, ok := m.get(name); ok {
			v.find(dtab.Error, CodeLost, v.path+" has no counterpart", "")
		}
	}
	m.notNeeded("Envoy has its own settings of connections", "hostConnectionPool", "clientSession", "engine", "socketOptions", "failFast",
		"windowUpdateRatio", "headerTableBytes", "initialStreamWindowBytes", "maxFrameBytes", "maxHeaderListByts", "maxHeaderListBytes", "addForwardedHeader")
	m.rest("a client")
}

// process reports what is not about routers, of linkerd or namerd.
func (p *pool) process(c config, of string) {
	c.get("namers")
	if v, ok := c.get("admin"); ok {
		v.find(dtab.Info, CodeNotNeeded, "the admin address of a proxy is in its bootstrap (kibble bootstrap), Kibble's own is a flag of kibble serve", "")
	}
	c.notNeeded("Kibble reports its use to nobody", "usage")
	if v, ok := c.get("telemetry"); ok {
		for _, t := range v.list() {
			p.telemeter(t)
		}
	}
	if v, ok := c.get("tracers"); ok {
		for _, t := range v.list() {
			t.find(dtab.Warning, CodeLost, "tracers are not imported", "a Router's spec.tracing names a collector that takes OTLP over gRPC")
		}
	}
	if v, ok := c.get("announcers"); ok {
		v.find(dtab.Warning, CodeLost, "Kibble announces its listeners nowhere", "")
	}
	c.rest(of)
}

func (p *pool) telemeter(v value) {
	kind, m := v.kinded()
	m.each(func(string, value) {})
	switch kind {
	case "io.l5d.prometheus":
		v.find(dtab.Info, CodeNotNeeded, "every proxy has metrics for Prometheus, at /stats/prometheus", "")
	case "io.l5d.recentRequests", "io.l5d.commonMetrics", "io.l5d.adminMetrics", "io.l5d.adminMetricsExport":
		v.find(dtab.Info, CodeNotNeeded, kind+" is not needed: kibble explain says where a request goes, and every proxy has metrics", "")
	default:
		v.find(dtab.Warning, CodeLost, "there is no telemeter "+kind+" here", "metrics: let Prometheus read the proxies; traces: spec.tracing of a Router")
	}
}
