package demotest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Accepted are the versions that proxies of a class have accepted from a control
// plane, by the names of what is of a type, such as TypedExtensionConfig.
func (l *Lab) Accepted(r *Replica, class, typ string) map[string]string {
	l.Helper()
	body, err := get("http://" + r.Admin + "/api/config?class=" + class + "&type=" + typ)
	l.Must(err)
	var all []struct{ Name, Accepted string }
	l.Must(json.Unmarshal([]byte(body), &all))
	versions := map[string]string{}
	for _, e := range all {
		versions[e.Name] = e.Accepted
	}
	return versions
}

// connected is what a control plane says of a proxy that is connected to it.
type connected struct {
	Node   string `json:"node"`
	InSync bool   `json:"inSync"`
	Types  []struct {
		Type                   string
		Sent, Behind, Retiring int
		Refused                []struct{}
	} `json:"types"`
}

// settled says what is missing until a proxy has all that it is to have but for
// what it refuses, and nothing is on the way to it or is to go.
func (c connected) settled() error {
	refused := false
	for _, typ := range c.Types {
		if typ.Sent > 0 || typ.Retiring > 0 || typ.Behind != len(typ.Refused) {
			return fmt.Errorf("%s: %+v", c.Node, typ)
		}
		refused = refused || typ.Behind > 0
	}
	if !c.InSync && !refused {
		return fmt.Errorf("%s is not in sync", c.Node)
	}
	return nil
}

func (l *Lab) connected(r *Replica) (all []connected, err error) {
	body, err := get("http://" + r.Admin + "/api/proxies")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		return nil, fmt.Errorf("/api/proxies: %w in %s", err, body)
	}
	return all, nil
}

// AwaitSettled returns when each Envoy is connected to a control plane, and
// nothing is on its way to it, or is to go once that has been drained. What was
// changed before must be in use somewhere: see Await.
func (l *Lab) AwaitSettled() {
	l.Helper()
	l.Eventually("nothing is on the way to a proxy", func() error {
		there := map[string]bool{}
		for _, r := range l.Replicas {
			if r.Ended() {
				continue
			}
			all, err := l.connected(r)
			if err != nil {
				return err
			}
			for _, c := range all {
				if err := c.settled(); err != nil && (c.Node == edgeNode || l.Envoys[c.Node] != nil) {
					return err
				}
				there[c.Node] = true
			}
		}
		for node := range l.Envoys {
			if !there[node] {
				return fmt.Errorf("%s is not connected", node)
			}
		}
		if !there[edgeNode] {
			return errors.New("the edge is not connected")
		}
		return nil
	})
}

// Proxies are the node ids of the proxies that are connected to a control
// plane and have accepted all that they are to have.
func (l *Lab) Proxies(r *Replica) (nodes []string, err error) {
	all, err := l.connected(r)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.InSync {
			nodes = append(nodes, p.Node)
		}
	}
	slices.Sort(nodes)
	return slices.Compact(nodes), nil
}

// AwaitProxies returns when all Envoys are connected to these control planes, and in sync.
func (l *Lab) AwaitProxies(of ...*Replica) {
	l.Helper()
	l.Eventually("all proxies are in sync", func() error {
		var all []string
		for _, r := range of {
			nodes, err := l.Proxies(r)
			if err != nil {
				return err
			}
			all = append(all, nodes...)
		}
		if want := len(l.Envoys) + 1; len(all) != want {
			return fmt.Errorf("in sync are %v, want %d", all, want)
		}
		return nil
	})
}
