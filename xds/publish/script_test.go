package publish

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/anypb"

	"kibble.dev/internal/golden"
	"kibble.dev/translate"
)

// Scripts show what each proxy is given, event by event. A line that begins
// with ">" is an event, what follows it is what it leads to:
//
//	> want TYPE:NAME@VERSION(CLUSTERS){HOST>CLUSTERS;...}%SCOPE ...
//	                                               the class's configuration; nothing: none of its class;
//	                                               VERSION:PORT is a listener's there;
//	                                               a "table" is a route whose hosts come one by one;
//	                                               with {} on demand, a HOST[...] is for a context only;
//	                                               "asking" is a host that asks about all others,
//	                                               "onask" one that a proxy can do without then
//	                                               "patient" is a listener where requests wait for clusters
//	> declare CLUSTERS ...                         for every proxy, with the next want
//	> connect PROXY [full] [SCOPE ...] [of=WORKLOAD] [calls=HOST]
//	                                               a stream; full is state of the world
//	> ask PROXY TYPE [*] [NAMES ...] [knows NAME@VERSION ...]
//	                                               NAME@VERSION~ is one that it was given because it uses it
//	> drop PROXY TYPE NAMES ...
//	> ack PROXY NONCE
//	> nack PROXY NONCE WORDS
//	> pass DURATION
//	> leave PROXY
//	> show PROXY
//	> before TYPE:NAME@VERSION ...                 the configuration of an earlier time
//	> bad TYPE:NAME@VERSION[%SCOPE] WORDS          the wanted version is known to be refused
//	> restart                                      another class takes over what this one remembers
//
// A proxy is given "NONCE TYPE resources -removals"; in state of the world what
// all a complete response holds follows the equals sign. Drain is 5 s, AckLimit 10 s.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("../testdata/publisher/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, file, newScript(t).run(string(text)))
		})
	}
}

var scriptTypes = map[string]string{
	"cluster": translate.ClusterType, "endpoints": translate.EndpointType, "listener": translate.ListenerType,
	"route": translate.RouteType, "host": translate.VirtualHostType, "extension": translate.ExtensionType, "secret": translate.SecretType,
}

func scriptType(typ string) string {
	for short, long := range scriptTypes {
		if long == typ {
			return short
		}
	}
	return typ
}

type script struct {
	t       *testing.T
	now     time.Time
	class   *Class
	proxies map[string]*Proxy
	names   map[*Proxy]string
	nonces  map[string]int
	types   map[string]string // by proxy and nonce
	out     []string

	declared []string
}

func newScript(t *testing.T) *script {
	return &script{
		t: t, now: time.Unix(0, 0), class: NewClass(Options{}), proxies: map[string]*Proxy{}, names: map[*Proxy]string{},
		nonces: map[string]int{}, types: map[string]string{},
	}
}

// run gives the script with what its events lead to.
func (s *script) run(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, ">"):
			s.out = append(s.out, line)
			s.event(strings.Fields(line[1:]), line)
			s.pump()
		case line == "" || strings.HasPrefix(line, "#"):
			s.out = append(s.out, line)
		}
	}
	return strings.Join(s.out, "\n") + "\n"
}

func (s *script) event(words []string, line string) {
	verb, args := words[0], words[1:]
	var p *Proxy
	if !slices.Contains([]string{"want", "pass", "connect", "before", "bad", "restart", "declare", "learnt"}, verb) {
		if p = s.proxies[args[0]]; p == nil {
			s.t.Fatalf("%s: no such proxy", line)
		}
	}
	switch verb {
	case "want":
		if len(args) == 0 {
			s.class.Publish(s.now, nil)
			return
		}
		s.class.Publish(s.now, s.snapshot(args))
	case "before":
		s.class.Provisional(s.now, s.snapshot(args))
	case "bad":
		m := written.FindStringSubmatch(args[0])
		v := Version{scriptTypes[m[1]], m[2], translate.Scope(m[6]), m[3]}
		if m[1] == "table" {
			v.Type, v.Version = translate.RouteType, inParts(m[2], m[3], none).Version
		}
		s.class.Refuse(s.now, v, strings.Join(args[1:], " "))
	case "restart":
		s.restart()
	case "declare":
		s.declared = args
	case "learnt":
		for _, u := range s.class.Learnt().All() {
			s.out = append(s.out, fmt.Sprintf("%s uses %s, last at %ds", u.Workload, u.Cluster, u.Last.Unix()))
		}
	case "pass":
		d, err := time.ParseDuration(args[0])
		if err != nil {
			s.t.Fatal(err)
		}
		s.now = s.now.Add(d)
		s.class.Tick(s.now)
	case "connect":
		p = s.connect(args[1:])
		s.proxies[args[0]], s.names[p] = p, args[0]
	case "ask":
		s.ask(p, scriptTypes[args[1]], args[2:])
	case "drop":
		s.subscribe(p, Subscription{Type: scriptTypes[args[1]], Drop: args[2:]})
	case "ack":
		if r := p.Ack(s.now, s.types[args[0]+args[1]], args[1]); r == nil {
			s.out = append(s.out, "no such response")
		}
	case "nack":
		if r := p.Nack(s.now, s.types[args[0]+args[1]], args[1], strings.Join(args[2:], " ")); r == nil {
			s.out = append(s.out, "no such response")
		}
	case "leave":
		s.class.Disconnect(p)
	case "show":
		s.show(p)
	default:
		s.t.Fatalf("%s: no such event", line)
	}
}

func (s *script) connect(args []string) *Proxy {
	var scopes []translate.Scope
	var w Workload
	var calls []string
	for _, a := range args {
		if name, ok := strings.CutPrefix(a, "of="); ok {
			w = Workload{"default", name}
		} else if host, ok := strings.CutPrefix(a, "calls="); ok {
			calls = append(calls, host)
		} else if a != "full" {
			scopes = append(scopes, translate.Scope(a))
		}
	}
	p := s.class.Connect(s.now, scopes, slices.Contains(args, "full"))
	p.Of(w, calls)
	return p
}

var written = regexp.MustCompile(`^(\w+):([^@]+)@(\w+)(?:\(([^)]*)\))?(?:\{(.*)\})?(?:%([^:]*))?(?::(\d+))?$`)

// leadsOf reads what follows a resource on demand.
func leadsOf(text string) []translate.Lead {
	leads := []translate.Lead{}
	for part := range strings.SplitSeq(text, ";") {
		if route, clusters, ok := strings.Cut(part, ">"); ok {
			host, _, context := strings.Cut(route, "[")
			leads = append(leads, translate.Lead{Host: host, Route: route, Context: context, Clusters: strings.Split(clusters, ",")})
		}
	}
	slices.SortFunc(leads, func(a, b translate.Lead) int { return strings.Compare(a.Route, b.Route) })
	return leads
}

// restart forgets all but what is remembered, and all proxies.
func (s *script) restart() {
	kept, err := json.Marshal(s.class.Remember())
	if err != nil {
		s.t.Fatal(err)
	}
	var m Remembered
	if err := json.Unmarshal(kept, &m); err != nil {
		s.t.Fatal(err)
	}
	s.class = NewClass(Options{})
	s.class.Recall(&m)
	clear(s.proxies)
	clear(s.nonces)
}

func (s *script) snapshot(args []string) *translate.ClassSnapshot {
	snap := &translate.ClassSnapshot{
		Resources: map[string]map[string]*translate.Resource{}, Local: map[string]map[translate.Scope]*translate.Resource{},
		Declared: s.declared,
	}
	for _, a := range args {
		m := written.FindStringSubmatch(a)
		if m == nil {
			s.t.Fatalf("%s is not TYPE:NAME@VERSION(CLUSTERS){LEADS}%%SCOPE", a)
		}
		var clusters []string
		if m[4] != "" {
			clusters = strings.Split(m[4], ",")
		}
		typ, name := scriptTypes[m[1]], m[2]
		var r *translate.Resource
		switch m[1] {
		case "table":
			typ, r = translate.RouteType, inParts(name, m[3], none)
		case "asking", "onask":
			typ = translate.VirtualHostType
			r = resource(typ, name, m[3], none, clusters...)
			r.Asks, r.OnAsk = m[1] == "asking", m[1] == "onask"
		case "patient":
			typ = translate.ListenerType
			r = resource(typ, name, m[3], none, clusters...)
			r.Asks = true
		case "extension":
			r = resource(typ, name, m[3], none, clusters...)
			r.Without = &anypb.Any{}
		default:
			r = resource(typ, name, m[3], none, clusters...)
		}
		if strings.Contains(a, "{") {
			r.Leads = leadsOf(m[5])
		}
		if m[7] != "" {
			r.Binds = []string{m[7]}
		}
		if m[6] != "" {
			if snap.Local[name] == nil {
				snap.Local[name] = map[translate.Scope]*translate.Resource{}
			}
			snap.Local[name][translate.Scope(m[6])] = r
			continue
		}
		if snap.Resources[typ] == nil {
			snap.Resources[typ] = byName{}
		}
		snap.Resources[typ][name] = r
	}
	return snap
}

func (s *script) ask(p *Proxy, typ string, args []string) {
	sub := Subscription{Type: typ}
	knows := false
	for _, a := range args {
		name, version, _ := strings.Cut(a, "@")
		switch {
		case a == "*":
			sub.Wildcard = true
		case a == "knows":
			knows, sub.Known = true, map[string]string{}
		case knows:
			version, used := strings.CutSuffix(version, "~")
			if sub.Known[name] = version; used {
				sub.Used = append(sub.Used, name)
			}
		default:
			sub.Add = append(sub.Add, a)
		}
	}
	s.subscribe(p, sub)
}

func (s *script) subscribe(p *Proxy, sub Subscription) {
	if k := p.kinds[sub.Type]; k != nil {
		sub.Wildcard = sub.Wildcard || k.wildcard
	}
	p.Subscribe(s.now, sub)
}

// pump writes what the proxies are given.
func (s *script) pump() {
	for ready := s.class.Ready(); len(ready) > 0; ready = s.class.Ready() {
		for _, p := range ready {
			for _, typ := range p.Asked() {
				for r := p.Next(s.now, typ); r != nil; r = p.Next(s.now, typ) {
					name := s.names[p]
					s.nonces[name]++
					nonce := strconv.Itoa(s.nonces[name])
					p.Sent(r, nonce)
					s.types[name+nonce] = typ
					s.out = append(s.out, fmt.Sprintf("%s: %s %s%s", name, nonce, scriptType(typ), s.content(p, r)))
				}
			}
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(s.class.proxies), func(a, b *Proxy) int { return cmp.Compare(a.serial, b.serial) }) {
		if r := p.Rescue(s.now); r != nil {
			s.out = append(s.out, fmt.Sprintf("%s: unasked %s%s", s.names[p], scriptType(r.Type), s.content(p, r)))
		}
	}
}

func (s *script) content(p *Proxy, r *Response) string {
	var b strings.Builder
	for _, res := range r.Resources {
		b.WriteString(" " + res.Name + "@" + res.Version)
	}
	for _, name := range r.Removed {
		b.WriteString(" -" + name)
	}
	if p.full && fullState(r.Type) {
		b.WriteString(" =")
		for _, res := range p.All(r) {
			b.WriteString(" " + res.Name + "@" + res.Version)
		}
	}
	if b.Len() == 0 {
		return " (nothing)"
	}
	return b.String()
}

// show writes what is open.
func (s *script) show(p *Proxy) {
	for _, st := range p.Status() {
		line := fmt.Sprintf("%s: acked %d, sent %d, behind %d, retiring %d", scriptType(st.Type), st.Acked, st.Sent, st.Behind, st.Retiring)
		if st.Overdue {
			line += ", overdue"
		}
		for _, w := range st.Waiting {
			line += fmt.Sprintf("; %s waits for %s", w.Name, strings.Join(w.Clusters, " "))
		}
		for _, r := range st.Refused {
			line += fmt.Sprintf("; %s@%s refused: %s (%s)", r.Name, r.Version, r.Words, r.Source)
		}
		s.out = append(s.out, line)
	}
}
