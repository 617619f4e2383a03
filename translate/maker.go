package translate

import (
	"fmt"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/proto"

	"kibble.dev/dtab"
)

// maker encodes what is made of one source. It gathers what Envoy would refuse,
// which is left out.
type maker struct {
	inventory *Inventory
	source    string
	found     []dtab.Finding
	failed    []failure
}

// with adds what another maker could not make.
func (m *maker) with(o maker) {
	m.found = append(m.found, o.found...)
	for _, f := range o.failed {
		m.fail(f)
	}
}

func (m *maker) fail(f failure) {
	if !slices.Contains(m.failed, f) {
		m.failed = append(m.failed, f)
	}
}

// cluster encodes one; members are the clusters that it refers to.
func (m *maker) cluster(c *clusterv3.Cluster, members ...string) *Resource {
	c.Metadata = metadata(map[string]string{"source": m.source})
	slices.Sort(members)
	return m.resource(c.Name, c, members)
}

// resource encodes a message; nil if Envoy would refuse it.
func (m *maker) resource(name string, msg proto.Message, clusters []string) *Resource {
	return m.make(name, msg, func() (*Resource, error) { return NewResource(name, msg, clusters, m.source) })
}

// make is resource with an encoding of its own. What is packed inside a message is
// checked where it is made, and for random routers by the law of this package: to
// unpack thousands of clusters and routes again at each change would cost half of
// the time of a translation.
func (m *maker) make(name string, msg proto.Message, encode func() (*Resource, error)) *Resource {
	err := validate(msg)
	var r *Resource
	if err == nil {
		r, err = encode()
	}
	if err == nil {
		return r
	}
	m.found = append(m.found, dtab.Finding{
		Code: codeUnroutable, Severity: dtab.Error, Pos: dtab.Pos{Source: m.source},
		Message: fmt.Sprintf("Envoy would refuse %s: %v", name, err),
		Hint:    "what was served of that name before, if anything, goes on being served",
	})
	m.fail(failure{typ: typeURL(msg), name: name})
	return nil
}

// cannot says why something could not be made at all.
func (m *maker) cannot(what string, err error) {
	m.found = append(m.found, dtab.Finding{
		Code: codeUnroutable, Severity: dtab.Error, Pos: dtab.Pos{Source: m.source},
		Message: what + ": " + err.Error(),
	})
}
