package dtab

import "testing"

func TestIn(t *testing.T) {
	for _, test := range []struct{ object, at, want string }{
		{"router prod/in", "routers.yaml:3:5", "router prod/in routers.yaml:3:5"},
		{"router prod/in", "router prod/in spec.dtab:3:5", "router prod/in spec.dtab:3:5"},
		{"router prod/in", "router prod/in-2 spec.dtab:3:5", "router prod/in router prod/in-2 spec.dtab:3:5"},
		{"l5d-dtab", "l5d-dtab:1:1", "l5d-dtab:1:1"},
		{"router prod/in", "", "router prod/in"},
		{"", "a.dtab:1:1", "a.dtab:1:1"},
	} {
		if got := In(test.object, test.at); got != test.want {
			t.Errorf("In(%q, %q) = %q, want %q", test.object, test.at, got, test.want)
		}
	}
}
