package xds_test

import (
	"strings"
	"testing"
)

// The edge of the original was an nginx whose configuration had three defects
// (linkerd-examples, k8s-daemonset/k8s/nginx.yml). What it meant to do is these
// two policies: dogfooders get world-v2, and employees who are let in may send
// rules of their own.
const nginxPolicies = `
letmein: {when: {all: [{cookie: {name: special_employee_cookie, exact: letmein}}, {sourceRanges: [10.0.0.0/8]}]}, grant: adHoc}
dogfood: {when: {cookie: {name: special_employee_cookie, regex: "(?i)dogfood"}}, override: /host/world => /srv/world-v2}
`

const (
	fromOffice    = "X-Forwarded-For: 10.1.2.3"
	fromElsewhere = "X-Forwarded-For: 192.0.2.1"
)

// There, an empty proxy_set_header dropped the very header that the letmein
// cookie was to let in.
func TestNginxDefectLetmeinRulesNeverArrived(t *testing.T) {
	l := newRuleLab(t, nginxPolicies)
	const cookie, rule = "Cookie: special_employee_cookie=letmein", "l5d-dtab: /host/world => /srv/world-v2"
	for _, test := range []struct {
		lines   []string
		service string
	}{
		{[]string{cookie, fromOffice, rule}, "world-v2"},
		{[]string{cookie, fromOffice, strings.ToUpper(rule[:8]) + rule[8:]}, "world-v2"},
		{[]string{cookie, fromOffice}, "world-v1"},
		{[]string{"Cookie: special_employee_cookie=Letmein", fromOffice, rule}, "world-v1"},
	} {
		if _, _, got := l.compare(t, "front", "world", test.lines...); got.Service != test.service {
			t.Errorf("%q: %s, want %s", test.lines, got.Service, test.service)
		}
	}
}

// There, of two matching if blocks only the last one's directives acted, so that
// anyone with a cookie that holds dogfood got any header of linkerd's through.
func TestNginxDefectDogfoodCookieLetContextIn(t *testing.T) {
	l := newRuleLab(t, nginxPolicies)
	forged := []string{
		"l5d-ctx-dtab: /host => /srv/hello", "l5d-dtab: /host => /srv/hello", "l5d-sample: 1.0", "l5d-ctx-dogfood: letmein", "l5d-ctx-trace: x", "l5d-foo: x",
		"baggage: dogfood=letmein",
	}
	for _, cookie := range []string{"dogfood", "xDogFooding", "letmein dogfood", "other", "letmein"} {
		for _, from := range []string{fromOffice, fromElsewhere} {
			if cookie == "letmein" && from == fromOffice {
				continue // they are let in
			}
			service := "world-v1"
			if strings.Contains(strings.ToLower(cookie), "dogfood") {
				service = "world-v2"
			}
			_, _, got := l.compare(t, "front", "world", append([]string{"Cookie: special_employee_cookie=" + cookie, from}, forged...)...)
			if got.Service != service {
				t.Errorf("%s %s: %s, want %s", cookie, from, got.Service, service)
			}
			for _, name := range []string{"L5d-Ctx-Dtab", "L5d-Dtab", "L5d-Sample", "L5d-Ctx-Trace", "L5d-Foo"} {
				if lines := got.Header[name]; len(lines) > 0 {
					t.Errorf("%s %s: the application got %s: %q", cookie, from, name, lines)
				}
			}
			if id := got.Header.Get("L5d-Ctx-Dogfood"); id != "" && (id != "dogfood" || service != "world-v2") {
				t.Errorf("%s %s: the application got the context %q", cookie, from, id)
			}
		}
	}
}

// There, the secret was a fixed text: whoever had heard of it was let in.
func TestNginxDefectSecretWasEnough(t *testing.T) {
	l := newRuleLab(t, nginxPolicies)
	for _, lines := range [][]string{
		{fromElsewhere}, {}, {fromElsewhere, "X-Real-IP: 10.1.2.3"},
	} {
		lines = append(lines, "Cookie: special_employee_cookie=letmein", "l5d-dtab: /host/world => /srv/world-v2")
		if _, _, got := l.compare(t, "front", "world", lines...); got.Service != "world-v1" || got.Header.Get("L5d-Ctx-Dtab") != "" {
			t.Errorf("%q: %s was asked with %v", lines, got.Service, got.Header)
		}
	}
}
