package translate

import "testing"

// A pod's address is one place, however it is spelled.
func TestPodScope(t *testing.T) {
	for _, same := range [][]string{
		{"10.0.0.7", "::ffff:10.0.0.7", "::ffff:a00:7"},
		{"fd00::7", "FD00:0::0007", "fd00:0:0:0:0:0:0:7"},
	} {
		for _, ip := range same[1:] {
			if PodScope(ip) != PodScope(same[0]) {
				t.Errorf("%s is at %s, %s at %s", ip, PodScope(ip), same[0], PodScope(same[0]))
			}
			x, ok := NetworkScope(ip)
			if y, also := NetworkScope(same[0]); x != y || ok != also {
				t.Errorf("%s is in network %s, %s in %s", ip, x, same[0], y)
			}
		}
	}
}
