package translate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"kibble.dev/dogfood"
)

// genBaggage draws lines of baggage, most of them nearly with a member of ours.
func genBaggage() *rapid.Generator[[]string] {
	key := rapid.SampledFrom([]string{
		"dogfood", "dogfood", "dogfood", " dogfood ", "\tdogfood", "xdogfood", "dogfoodx", "Dogfood", "dog%66ood", "dog%2566ood",
		"%20dogfood", "+dogfood", "%C2%A0dogfood", "\xa0dogfood", "a", "user", "é", "", "a%3D1%2Cdogfood", "%", "%2",
	})
	word := rapid.SampledFrom([]string{
		"world-v2", "pr-1.ns", "a", "b", "A", "_", "_", "%2C", "%2c", "%5F", "%", "%4", "%zz", " ", "\t", "=", "\xff", "é", "\"", "%00", "%0A", "%20",
		"x%2Cdogfood%3Dv2", strings.Repeat("a", 317), strings.Repeat("b", 318), strings.Repeat("c_", 90), strings.Repeat("%25", 30) + "64",
	})
	element := rapid.Custom(func(t *rapid.T) string {
		value := strings.Join(rapid.SliceOfN(word, 0, 5).Draw(t, "value"), "")
		return key.Draw(t, "key") + rapid.SampledFrom([]string{"=", "=", "=", "=", " = ", ""}).Draw(t, "equals") + value +
			rapid.SampledFrom([]string{"", "", "", ";p=1", " ; p", ";dogfood=x"}).Draw(t, "properties")
	})
	line := rapid.Custom(func(t *rapid.T) string {
		text := strings.Join(rapid.SliceOfN(element, 0, 4).Draw(t, "elements"), rapid.SampledFrom([]string{",", ", ", " ,\t", ",,"}).Draw(t, "comma"))
		switch rapid.IntRange(0, 19).Draw(t, "size") {
		case 0:
			text = strings.Repeat("k=v,", rapid.IntRange(60, 66).Draw(t, "members")) + text
		case 1:
			text = "k=" + strings.Repeat("v", rapid.IntRange(8100, 8192).Draw(t, "bytes")) + "," + text
		}
		return strings.Trim(text, " \t")
	})
	return rapid.SliceOfN(line, 0, 3)
}

func genContextLines() *rapid.Generator[[]string] {
	return rapid.SampledFrom([][]string{
		nil, nil, nil, {""}, {"world-v2"}, {"a,b"}, {"a", "b"}, {"a , b,a,"}, {"A"}, {"a_b"}, {",,"}, {strings.Repeat("x", 317)}, {strings.Repeat("x", 318)},
	})
}

func carrierLines(c dogfood.Carried) string {
	var b strings.Builder
	for _, line := range c.Header {
		b.WriteString("l5d-ctx-dogfood: " + line + "\r\n")
	}
	for _, line := range c.Baggage {
		b.WriteString("Baggage: " + line + "\r\n")
	}
	return b.String()
}

// What filters in Lua make of carriers is what package dogfood makes of them,
// and the route is that of the decision.
func TestEnvoyCarriesAsGo(t *testing.T) {
	for _, test := range []struct {
		name string
		spec listenerSpec
		want func(dogfood.Carried) dogfood.Carried
	}{
		{"inside", listenerSpec{ReadBaggage: true}, func(c dogfood.Carried) dogfood.Carried { return c.Passed(true, false) }},
		{"inside, written", listenerSpec{ReadBaggage: true, WriteBaggage: true}, func(c dogfood.Carried) dogfood.Carried { return c.Passed(true, true) }},
		{"outside", listenerSpec{Untrusted: true, WriteBaggage: true}, func(c dogfood.Carried) dogfood.Carried {
			return dogfood.Carried{Baggage: c.Baggage.Stripped()}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			up, address := newEcho(t)
			l := newLab(t, test.spec, nil, address)
			client := newRawClient(t, l.address)
			seen := map[string]bool{}
			checkUntil(t, func() bool { return seen["changed"] && seen["baseline"] }, func(rt *rapid.T) {
				in := dogfood.Carried{Header: genContextLines().Draw(rt, "header"), Baggage: genBaggage().Draw(rt, "baggage")}
				resp, _ := client.send(rt, "GET / HTTP/1.1\r\nHost: a\r\n"+carrierLines(in)+"\r\n")
				if resp.StatusCode != 200 {
					rt.Fatalf("%s for %q", resp.Status, in)
				}
				out := test.want(in)
				got := up.last(t).Header
				if diff := cmp.Diff([]string(out.Baggage), got.Values("Baggage")); diff != "" && len(out.Baggage)+len(got.Values("Baggage")) > 0 {
					rt.Fatalf("baggage of %q (-Go +Envoy):\n%s", in, diff)
				}
				if diff := cmp.Diff(out.Header, got.Values("L5d-Ctx-Dogfood")); diff != "" && len(out.Header)+len(got.Values("L5d-Ctx-Dogfood")) > 0 {
					rt.Fatalf("header of %q (-Go +Envoy):\n%s", in, diff)
				}
				route := "baseline"
				if len(out.Header) > 0 {
					route = "override"
				}
				if got.Get("X-Route") != route {
					rt.Fatalf("%q takes the route %s, want %s", in, got.Get("X-Route"), route)
				}
				seen[route] = true
				seen["changed"] = seen["changed"] || !cmp.Equal([]string(in.Baggage), []string(out.Baggage))
			})
			if errors := l.Get(t, "/stats?usedonly&filter=lua.errors"); errors != "" {
				t.Error(errors)
			}
		})
	}
}

// The edge writes what its policies decide, into the baggage that is there.
func TestEdgeWritesBaggage(t *testing.T) {
	policies := compilePolicies(t, nil,
		[2]string{"a", "{when: {cookie: {name: who, contains: a}}}"}, [2]string{"b", "{when: {cookie: {name: who, contains: b}}}"})
	up, address := newEcho(t)
	l := newLab(t, listenerSpec{Untrusted: true, Policies: true, WriteBaggage: true}, policies, address)
	for _, test := range []struct {
		request string
		baggage []string
	}{
		{"Cookie: who=ab\r\n", []string{"dogfood=a_b"}},
		{"Cookie: who=b\r\nbaggage: dogfood=a\r\nbaggage: user=1;p, x=%20\r\n", []string{"user=1;p, x=%20,dogfood=b"}},
		{"Cookie: who=x\r\nbaggage: dogfood=a,user=1\r\n", []string{"user=1"}},
		{"Cookie: who=x\r\nbaggage: dogfood=a\r\n", nil},
		{"Cookie: who=a\r\nbaggage: " + strings.Repeat("k=v,", 63) + "k=v\r\n", []string{strings.Repeat("k=v,", 63) + "k=v"}},
	} {
		newRawClient(t, l.address).send(t, "GET / HTTP/1.1\r\nHost: a\r\n"+test.request+"\r\n")
		if diff := cmp.Diff(test.baggage, up.last(t).Header.Values("Baggage")); diff != "" {
			t.Errorf("%q: %s", test.request, diff)
		}
	}
}
