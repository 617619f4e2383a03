package dogfood

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBaggageContext(t *testing.T) {
	for _, test := range []struct {
		lines []string
		want  string
	}{
		{nil, ""},
		{[]string{"dogfood=world-v2"}, "world-v2"},
		{[]string{"a=1, dogfood = world-v2_pr.n1 ;p=1;q , b=2"}, "world-v2,pr.n1"},
		{[]string{"dogfood=a%2Cb%5Fc%2c%20d"}, "a,b,c,d"},
		{[]string{"dogfood=a", "b=2,dogfood=b"}, "b"},
		{[]string{"dogfood=a,dogfood="}, ""},
		{[]string{"dogfood=A_a_a_%zz_b c"}, "a"},
		{[]string{"xdogfood=a,dogfoodx=b,Dogfood=c,dog%66ood=d,dogfood,a;dogfood=e"}, ""},
	} {
		if got := Baggage(test.lines).Context().String(); got != test.want {
			t.Errorf("%q: %q, want %q", test.lines, got, test.want)
		}
	}
}

// Members of others are kept byte for byte, and so are the lines.
func TestBaggageIsStripped(t *testing.T) {
	members := strings.Repeat("k=v,", 31) + "k=v"
	long := "k=" + strings.Repeat("v", maxBaggageBytes-len(",k")-len("k="))
	for _, test := range []struct{ lines, want []string }{
		{[]string{"a=1;p , b=%C3%A9\t,,"}, []string{"a=1;p , b=%C3%A9\t,,"}},
		{[]string{"dogfood=x"}, nil},
		{[]string{" , dogfood=x,"}, nil},
		{[]string{"dogfood=x, a=1"}, []string{"a=1"}},
		{[]string{"a=1 ,dogfood=x;p=1, b=2"}, []string{"a=1 , b=2"}},
		{[]string{"a=1,dogfood=x", "dogfood=y", "b=2"}, []string{"a=1", "b=2"}},
		{[]string{"xdogfood=1,dogfoodx=1,a=dogfood,a=1;dogfood=x"}, []string{"xdogfood=1,dogfoodx=1,a=dogfood,a=1;dogfood=x"}},
		// What libraries that decode would make ours of.
		{[]string{"dog%66ood=x,a=1"}, []string{"a=1"}},
		{[]string{"dog%2566ood=x,Dogfood=x,DOGFOOD=x,+dogfood+=x,%20dogfood=x,%C2%A0dogfood=x,\xa0dogfood=x,dogfood"}, nil},
		{[]string{"a=1%2Cdogfood%3Dx,b=1%2cc%3Dx"}, []string{"b=1%2cc%3Dx"}},
		// What is more than anybody has to pass on.
		{[]string{members, strings.Repeat(",", 31)}, []string{members, strings.Repeat(",", 31)}},
		{[]string{members, strings.Repeat(",", 32)}, nil},
		{[]string{long, "k"}, []string{long, "k"}},
		{[]string{long, "k="}, nil},
	} {
		if diff := cmp.Diff(test.want, []string(Baggage(test.lines).Stripped())); diff != "" {
			t.Errorf("%q: %s", test.lines, diff)
		}
	}
}

func TestBaggageWith(t *testing.T) {
	full := strings.Repeat("k=v,", 62) + "k=v"
	long := "k=" + strings.Repeat("v", maxBaggageBytes-len(",dogfood=a_b")-2)
	for _, test := range []struct{ lines, want []string }{
		{nil, []string{"dogfood=a_b"}},
		{[]string{"x=1 , dogfood=c", "y=2;p"}, []string{"x=1", "y=2;p,dogfood=a_b"}},
		{[]string{full}, []string{full + ",dogfood=a_b"}},
		{[]string{full + ",k=v"}, []string{full + ",k=v"}},
		{[]string{full + ",k=v,dogfood=c"}, []string{full + ",k=v"}},
		{[]string{long}, []string{long + ",dogfood=a_b"}},
		{[]string{long + "v"}, []string{long + "v"}},
	} {
		if diff := cmp.Diff(test.want, []string(Baggage(test.lines).With(Context{"a", "b"}))); diff != "" {
			t.Errorf("%.40q: %s", test.lines, diff)
		}
	}
}
