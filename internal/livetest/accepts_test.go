package livetest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"kibble.dev/discovery"
	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/pki"
	"kibble.dev/internal/usertext"
	"kibble.dev/translate"
)

// What Kibble accepts, Envoy accepts: whatever text a user writes in whatever
// field, Kibble says what is wrong with it, or Envoy takes all that is made of it.
func TestEnvoyAcceptsWhatKibbleAccepts(t *testing.T) {
	x := startAsked(t)
	world := everyField(t)
	if found, words := x.tries(t, world.docs(t)); len(found) > 0 || words != "" {
		t.Fatalf("the world as it is: %v %s", found, words)
	}
	t.Run("names of headers", func(t *testing.T) {
		paths := func(text string) bool { return strings.HasPrefix(text, "/") }
		x.each(t, world, slices.DeleteFunc(usertext.All(), paths), ".headers{x-one", ".identifier.header", "percent.header", "percent.claim")
	})
	t.Run("expressions", func(t *testing.T) { x.each(t, world, usertext.Regexes(), "cookie.regex", ".paths[2].path") })
	t.Run("keys", func(t *testing.T) { x.each(t, world, usertext.KeySets(), ".jwks", ".stringData.hs256") })
	t.Run("any text in any field", func(t *testing.T) {
		// The same draws each time: to hunt for others, give -rapid.seed and -rapid.checks.
		const draws = 2 // times as many as rapid's own number of checks
		seed := flag.Lookup("rapid.seed")
		fixed := seed.Value.String() == "0"
		accepted, refused, first := 0, 0, ""
		for i := range draws {
			if fixed {
				if err := seed.Value.Set(strconv.Itoa(i + 1)); err != nil {
					t.Fatal(err)
				}
			}
			rapid.Check(t, func(t *rapid.T) {
				docs := world.docs(t)
				all := places("", docs)
				var changed []string
				for range rapid.IntRange(1, 3).Draw(t, "changes") {
					p := rapid.SampledFrom(all).Draw(t, "place")
					text := drawText(t, p.text)
					p.set(text)
					changed = append(changed, fmt.Sprintf("%s: %q", p.path, text))
				}
				found, words := x.tries(t, docs)
				if len(found) > 0 {
					refused++
				} else {
					accepted++
				}
				if words != "" && first == "" {
					// What was refused once may stay so while rapid looks for less.
					first = fmt.Sprintf("%s\nchanged:\n%s", words, strings.Join(changed, "\n"))
				}
				if words != "" {
					t.Fatalf("Envoy refuses what Kibble accepts, at first: %s", first)
				}
			})
		}
		if fixed {
			_ = seed.Value.Set("0")
		}
		if t.Logf("%d worlds without a finding, %d with some", accepted, refused); accepted == 0 || refused == 0 {
			t.Error("the draws prove nothing")
		}
	})
}

// drawText draws a text that a user may write in a place where another stands.
func drawText(t *rapid.T, now string) string {
	part := rapid.OneOf(rapid.SampledFrom(usertext.All()), rapid.SampledFrom(usertext.Regexes()),
		rapid.String(), rapid.StringMatching(`[!-~]{1,6}`)).Draw(t, "text")
	at := rapid.IntRange(0, len(now)).Draw(t, "at")
	switch rapid.IntRange(0, 3).Draw(t, "how") {
	case 0:
		return now[:at] + part + now[at:]
	case 1:
		return now + part
	}
	return part
}

// each puts each text into each place whose path ends so.
func (x *live) each(t *testing.T, world manifest, texts []string, ends ...string) {
	for i, p := range places("", world.docs(t)) {
		if !slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(p.path, end) }) {
			continue
		}
		for _, text := range texts {
			docs := world.docs(t)
			p := places("", docs)[i]
			p.set(text)
			if _, words := x.tries(t, docs); words != "" {
				t.Errorf("Envoy refuses what Kibble accepts: %s\n%s: %.80q", words, p.path, text)
			}
		}
	}
}

// startAsked is an Envoy that is told of other worlds, and asks no name server.
func startAsked(t *testing.T) *live {
	t.Helper()
	return startEdited(t, hello, map[string][]pod{}, bootstrap.Options{}, func(boot string) string {
		return boot + `
typed_dns_resolver_config:
  name: envoy.network.dns_resolver.cares
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig
    resolvers: [{socket_address: {address: 127.0.0.1, port_value: 1}}]
    query_timeout_seconds: 1
    query_tries: 1
`
	}, func(s *translate.Snapshot) *translate.Snapshot { return s },
		// Each change leaves listeners behind, which would be told of changes too.
		"--drain-time-s", "1", "--drain-strategy", "immediate")
}

// tries publishes objects and gives what Kibble finds, and the words in which
// Envoy refuses any of what is made of them, "" if it takes all.
func (x *live) tries(t rapid.TB, docs []any) (found []string, words string) {
	var text strings.Builder
	for _, doc := range docs {
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		// YAML wants one more character escaped than JSON does.
		fmt.Fprintf(&text, "---\n%s\n", strings.ReplaceAll(string(b), "\u007f", `\u007f`))
	}
	inv, mistakes, err := discovery.ReadStream("live.yaml", strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	model := translate.NewModel(inv, time.Now())
	snapshot, more := model.Snapshot()
	for _, f := range slices.Concat(mistakes, model.Findings(), more) {
		found = append(found, f.String())
	}
	if snapshot.Classes["edge"] == nil {
		return found, "" // of no router at all nothing is made
	}
	x.server.Publish(snapshot)
	for deadline := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		proxies := x.server.Proxies()
		if len(proxies) != 1 {
			t.Fatalf("%d proxies are connected", len(proxies))
		}
		for _, typ := range proxies[0].Types {
			for _, r := range typ.Refused {
				return found, fmt.Sprintf("%s %s: %s", typ.Type, r.Name, r.Words)
			}
		}
		if proxies[0].InSync {
			return found, ""
		}
		if time.Now().After(deadline) {
			return found, fmt.Sprintf("it does not get in sync: %+v", proxies[0])
		}
	}
}

// manifest is a list of objects, as JSON.
type manifest []byte

// docs gives objects that may be changed.
func (m manifest) docs(t rapid.TB) []any {
	var docs []any
	if err := json.Unmarshal(m, &docs); err != nil {
		t.Fatal(err)
	}
	return docs
}

// everyField reads the objects of testdata/every-field.yaml.
func everyField(t *testing.T) manifest {
	t.Helper()
	text, err := os.ReadFile("testdata/every-field.yaml")
	if err != nil {
		t.Fatal(err)
	}
	authority, err := pki.NewAuthority(time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Server([]string{"*.hello.world", "hello.world"}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	fill := []string{
		"{crt}", base64.StdEncoding.EncodeToString(pair.Certificate), "{key}", base64.StdEncoding.EncodeToString(pair.Key),
		"{keys}", upstream(t, func(w http.ResponseWriter) { fmt.Fprint(w, `{"keys":[]}`) }),
	}
	for i, port := range envoytest.FreePorts(t, 6) {
		fill = append(fill, fmt.Sprintf("{%d}", i), fmt.Sprint(port))
	}
	var all []any
	for doc := yaml.NewDecoder(strings.NewReader(strings.NewReplacer(fill...).Replace(string(text)))); ; {
		var object any
		err := doc.Decode(&object)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, object)
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// place is a text, or the key of a header, somewhere in an object.
type place struct {
	path, text string
	set        func(string)
}

// places gives all below a node, in a fixed order, but for what would make the
// object another one, or have a proxy listen elsewhere.
func places(path string, node any) []place {
	var all []place
	switch n := node.(type) {
	case map[string]any:
		for _, key := range sortedKeys(n) {
			at := path + "." + key
			if fixed(at) {
				continue
			}
			if strings.HasSuffix(path, ".headers") {
				all = append(all, place{path + "{" + key, key, func(s string) {
					value := n[key]
					delete(n, key)
					n[s] = value
				}})
			}
			all = append(all, placesAt(at, n[key], func(s string) { n[key] = s })...)
		}
	case []any:
		for i := range n {
			all = append(all, placesAt(fmt.Sprintf("%s[%d]", path, i), n[i], func(s string) { n[i] = s })...)
		}
	}
	return all
}

func placesAt(path string, node any, set func(string)) []place {
	if text, ok := node.(string); ok {
		return []place{{path, text, set}}
	}
	return places(path, node)
}

// fixed tells which fields are left as they are.
func fixed(path string) bool {
	for _, end := range []string{"].apiVersion", "].kind", "spec.proxyClass", "spec.bind", "spec.trust", ".tls.crt", ".tls.key"} {
		if strings.HasSuffix(path, end) && !strings.Contains(path, "s[") {
			return true
		}
	}
	return false
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
