package v1alpha1

import "testing"

func TestKeysURL(t *testing.T) {
	for text, want := range map[string]bool{
		"https://idp.example.com/keys.json?x=1#y": true, "http://127.0.0.1:37927/keys.json": true, "https://[::1]:8443/k": true, "https://x": true,
		"https://under_score.svc.cluster.local:1/": true,
		"keys.json": false, "ftp://x/y": false, "https:///y": false, "http://127~.0.0.1:1/k": false,
		"http://127.0.0.999/k": false, "http://a.1/k": false, "https://x:0/": false, "https://x:65536/": false, "https://a..b/": false,
		"https://user@x/": false, "https://x/a b": false, "https://\u00e9.example/": false, "https://[::1/": false, "https://[1.2]/": false, "https://-x/": false,
	} {
		if got := isKeysURL(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
