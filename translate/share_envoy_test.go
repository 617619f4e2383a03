package translate

import "testing"

// An override may be a split: a tenth of the dogfooders' requests get the new
// version, and nobody else's do.
func TestEnvoySplitsDogfooders(t *testing.T) {
	_, address1 := newApp(t, "v1")
	_, address2 := newApp(t, "v2")
	w := newWorld(t, "edge", map[string]string{
		"edge": "proxyClass: edge\nport: 1\ndtab: '/srv => /#/io.l5d.k8s/default/http; /svc => /srv; /svc/world => /srv/v1'\n",
	}, map[string]string{
		"tenth": "{when: {cookie: {name: c, exact: dog}}, override: '/svc/world => 1 * /srv/v2 & 9 * /srv/v1'}",
	}, map[string]string{"v1": address1, "v2": address2})
	client := newRawClient(t, w.address(t, "edge"))
	count := func(cookie string) (v2 int) {
		for range 2000 {
			resp, _ := client.send(t, "GET / HTTP/1.1\r\nHost: world\r\nCookie: c="+cookie+"\r\n\r\n")
			if resp.Header.Get("X-App") == "v2" {
				v2++
			}
		}
		return v2
	}
	// Of 2,000 draws with a chance of 0.1, fewer than 120 or more than 280 are
	// more than five standard deviations off.
	if n := count("dog"); n < 120 || n > 280 {
		t.Errorf("%d of 2,000 requests of dogfooders get v2", n)
	}
	if n := count("cat"); n != 0 {
		t.Errorf("%d requests of others get v2", n)
	}
}
