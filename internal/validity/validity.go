// Package validity says in one way, for all that handle certificates, whether a
// certificate's time is right; a pure function.
package validity

import (
	"crypto/x509"
	"time"
)

// Over tells that a certificate has expired. It has at the instant NotAfter
// itself: OpenSSL and BoringSSL refuse it from then on (X509_cmp_time), though
// RFC 5280 counts that second as valid, and who waits for the end with a timer
// looks at it just then.
func Over(c *x509.Certificate, now time.Time) bool { return !now.Before(c.NotAfter) }

// Remark says of a certificate why others refuse it now, without the subject, as
// "expired on 2026-01-31T00:00:00Z"; "" if its time is right.
func Remark(c *x509.Certificate, now time.Time) string {
	switch {
	case Over(c, now):
		return "expired on " + c.NotAfter.UTC().Format(time.RFC3339)
	case now.Before(c.NotBefore):
		return "is not valid before " + c.NotBefore.UTC().Format(time.RFC3339)
	}
	return ""
}
