package translate

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kibble.dev/dogfood"
)

// Envoy takes for the client whom the rule says, whatever stands in
// X-Forwarded-For.
func TestEnvoyKnowsTheClientAsExplained(t *testing.T) {
	addresses := []string{"10.0.0.1", "10.0.0.2", "192.0.2.7", "127.0.0.1", "2001:db8::1", "2001:db8::2", "::1", "::ffff:10.0.0.1", "fe80::1"}
	var specs [][2]string
	for i, a := range addresses {
		addr := netip.MustParseAddr(a)
		specs = append(specs, [2]string{fmt.Sprintf("a%d", i), fmt.Sprintf("{when: {sourceRanges: ['%s/%d']}}", addr, addr.BitLen())})
	}
	policies := compilePolicies(t, nil, specs...)
	odd := []string{
		"", " ", "10.0.0.1:80", "[2001:db8::1]", "[2001:db8::1]:80", "010.0.0.1", "10.0.0.1.", "10.0.0", "2001:DB8::1", "2001:db8:0:0:0:0:0:1",
		"::ffff:10.0.0.1", "::ffff:0a00:0001", "localhost", "unknown", "10.0.0.256", "\t10.0.0.2 ", "10.0.0.1 10.0.0.2", "for=10.0.0.1", "0x0a.0.0.1", "_hidden", "fe80::1%lo", "fe80::1%1", `"10.0.0.1"`,
	}
	entry := rapid.OneOf(rapid.SampledFrom(addresses), rapid.SampledFrom(addresses), rapid.SampledFrom(odd))
	peer := netip.MustParseAddr("127.0.0.1")
	for hops := range int32(4) {
		t.Run(fmt.Sprint(hops), func(t *testing.T) {
			up, upstream := newEcho(t)
			l := newLab(t, listenerSpec{Untrusted: true, Policies: true, Hops: uint32(hops)}, policies, upstream)
			c := newRawClient(t, l.address)
			rapid.Check(t, func(rt *rapid.T) {
				var lines []string
				text := "GET / HTTP/1.1\r\nHost: a\r\n"
				for range rapid.IntRange(0, 2).Draw(rt, "lines") {
					line := strings.Trim(strings.Join(rapid.SliceOfN(entry, 0, 4).Draw(rt, "entries"), rapid.SampledFrom([]string{",", ", ", " , "}).Draw(rt, "by")), " \t")
					lines = append(lines, line)
					text += "X-Forwarded-For: " + line + "\r\n"
				}
				client, how := clientAddress(lines, hops, peer)
				want := dogfood.Decide(policies, dogfood.Request{Source: client}, nil)
				if resp, _ := c.send(rt, text+"\r\n"); resp.StatusCode != http.StatusOK {
					rt.Fatalf("%s for %q", resp.Status, text)
				}
				if got := up.last(t).Header.Get(dogfood.ContextHeader); got != want.String() {
					rt.Fatalf("Envoy says %q, and we %q: %s is the client: %s\n%q", got, want, client, how, lines)
				}
			})
		})
	}
}
