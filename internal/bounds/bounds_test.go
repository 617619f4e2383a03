package bounds

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Findings are in the order of fields, whatever that of the object, and each is
// in our words. What is refused is held against a real API server by e2e.
func TestCheck(t *testing.T) {
	const spec = `{"port": 0, "namers": [{}], "bind": "all", "carriers": ["baggage", "baggage"], "dstPrefix": null,
		"ipFamilies": [null], "responses": [null, {"path": "a", "status": 200}]}`
	const want = `
spec.bind: bind cannot be "all"; the API server wants one of any, loopback, pod
spec.carriers: carriers has a member twice; the API server wants each once
spec.ipFamilies[0]: ipFamilies[0] has no value; the API server wants one, or that it is taken away
spec.namers[0].kind: kind is missing; the API server wants it in every such object
spec.port: port cannot be 0; the API server wants it to be greater than or equal to 1
spec.proxyClass: proxyClass is missing; the API server wants it in every such object
spec.responses[0]: responses[0] has no value; the API server wants one, or that it is taken away
spec.responses[1].path: path cannot be "a"; the API server wants it to match '^/'
`
	got := "\n"
	for _, e := range new(Bounds).Check("Router", []byte(spec)) {
		got += e.Path + ": " + e.Message + "; " + e.Hint + "\n"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
