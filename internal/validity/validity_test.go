package validity

import (
	"crypto/x509"
	"testing"
	"time"
)

func TestRemark(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := &x509.Certificate{NotBefore: begin, NotAfter: begin.Add(time.Hour)}
	for _, test := range []struct {
		at   time.Duration
		want string
	}{
		{-time.Nanosecond, "is not valid before 2026-01-01T00:00:00Z"},
		{0, ""},
		{time.Hour - time.Nanosecond, ""},
		{time.Hour, "expired on 2026-01-01T01:00:00Z"},
	} {
		if got := Remark(c, begin.Add(test.at)); got != test.want {
			t.Errorf("at %v: %q, want %q", test.at, got, test.want)
		}
	}
}
