package pki

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"kibble.dev/internal/validity"
)

// authorities are the certificates of those whose clients are let in. One whose
// time is not right lets nobody in, and takes nobody else's right away.
type authorities []*x509.Certificate

// readAuthorities reads all certificates of a PEM text, as
// x509.CertPool.AppendCertsFromPEM does: what else stands there is left out.
func readAuthorities(text []byte) (authorities, error) {
	var all authorities
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no certificate in it: want those of the authorities, in PEM")
	}
	return all, nil
}

// next gives those of a text that is there in place of these, unless not one of them
// lets anybody in while one of these does.
func (a authorities) next(text []byte, now time.Time) (authorities, error) {
	by, err := readAuthorities(text)
	if err != nil {
		return nil, err
	}
	if why := by.useless(now); why != "" && len(a) > 0 && a.useless(now) == "" {
		return nil, fmt.Errorf("%s, and those in use are valid until %s", why, a.end().UTC().Format(time.RFC3339))
	}
	return by, nil
}

func (a authorities) pool() *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range a {
		p.AddCert(c)
	}
	return p
}

// remarks says of each whose time is not right why.
func (a authorities) remarks(now time.Time) []string {
	var all []string
	for i, c := range a {
		if why := validity.Remark(c, now); why != "" {
			all = append(all, fmt.Sprintf("certificate %d (%s) %s", i+1, c.Subject, why))
		}
	}
	return all
}

// useless says why not one of them lets anybody in now; "" if one does.
func (a authorities) useless(now time.Time) string {
	if all := a.remarks(now); len(all) == len(a) {
		return strings.Join(all, ", ")
	}
	return ""
}

// end is when the last one expires; zero if there is none.
func (a authorities) end() time.Time {
	var end time.Time
	for _, c := range a {
		if c.NotAfter.After(end) {
			end = c.NotAfter
		}
	}
	return end
}

// tellOfAuthorities logs what is wrong with those in use, once.
func (f *Files) tellOfAuthorities() {
	why := strings.Join(f.by.remarks(f.looked), ", ")
	if why == f.warned || f.Logger == nil {
		return
	}
	f.warned = why
	switch {
	case why == "":
	case f.by.useless(f.looked) != "":
		f.Logger.Error("no client certificate is accepted any more: no authority is valid", "reason", why, "authorities", f.ClientCA)
	default:
		f.Logger.Warn("client certificates of an authority that is not valid are refused", "reason", why, "authorities", f.ClientCA)
	}
}
