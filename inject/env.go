package inject

import (
	"maps"
	"slices"
	"strings"
)

// withEnv tells containers of the proxy. What somebody set is left alone; last
// is what an earlier injection set, and that is replaced.
func withEnv(containers []any, mode string, now, last settings) []any {
	out := slices.Clone(containers)
	for i, c := range out {
		m, ok := c.(map[string]any)
		if !ok {
			continue
		}
		env := slices.DeleteFunc(slices.Clone(list(m["env"])), func(e any) bool { return isOurs(e, last) })
		m = maps.Clone(m)
		m["env"] = append(proxyEnv(env, mode, now), env...)
		out[i] = m
	}
	return out
}

// settings are the values that containers get.
type settings struct{ proxy, noProxy string }

// String is what the annotation keeps.
func (s settings) String() string { return s.proxy + " " + s.noProxy }

func settingsOf(text string) settings {
	proxy, noProxy, _ := strings.Cut(text, " ")
	return settings{proxy, noProxy}
}

// Variables of the node's Envoy. The names are ours alone, because a variable
// can be used only by those that come after it.
const (
	envNodeName = "KIBBLE_NODE_NAME"
	envHostIP   = "KIBBLE_HOST_IP"
)

// proxyEnv gives the variables that are not among those of a container. They go
// before its own, so that these may refer to them.
func proxyEnv(env []any, mode string, now settings) []any {
	set := func(names ...string) bool {
		return slices.ContainsFunc(env, func(e any) bool { return slices.Contains(names, nameOf(e)) })
	}
	if set("http_proxy", "HTTP_PROXY") {
		return nil // it has one: then it is meant to be used everywhere
	}
	var add []any
	field := func(name, path string) {
		add = append(add, map[string]any{"name": name, "valueFrom": map[string]any{
			"fieldRef": map[string]any{"apiVersion": "v1", "fieldPath": path},
		}})
	}
	switch mode {
	case ModeNode:
		field(envNodeName, "spec.nodeName")
	case ModeHostIP:
		field(envHostIP, "status.hostIP")
	}
	value := func(name, value string) { add = append(add, map[string]any{"name": name, "value": value}) }
	value("http_proxy", now.proxy)
	value("HTTP_PROXY", now.proxy)
	if !set("no_proxy", "NO_PROXY") {
		value("no_proxy", now.noProxy)
		value("NO_PROXY", now.noProxy)
	}
	return add
}

// isOurs says that an earlier injection set this variable.
func isOurs(e any, last settings) bool {
	m, _ := e.(map[string]any)
	switch nameOf(e) {
	case envNodeName, envHostIP:
		return true
	case "http_proxy", "HTTP_PROXY":
		return last.proxy != "" && m["value"] == last.proxy
	case "no_proxy", "NO_PROXY":
		return last.proxy != "" && m["value"] == last.noProxy
	}
	return false
}

func nameOf(o any) string {
	m, _ := o.(map[string]any)
	name, _ := m["name"].(string)
	return name
}
