package translate

import (
	"fmt"
	"time"

	"kibble.dev/dtab"
	"kibble.dev/internal/validity"
)

// A Secret that is replaced by a certificate which clients refuse, because it
// has expired or is not valid yet, must not take one out of use that they take.

// renewed gives what of a Secret's last certificate and its new one is served,
// and what waits: the new one waits as long as only the last one is valid.
func renewed(last, fresh *certificate, now time.Time) (served, waiting *certificate) {
	if last != nil && last != fresh && fresh.remark(now) != "" && last.remark(now) == "" {
		return last, fresh
	}
	return fresh, nil
}

// refusedRenewal says that a Secret's new certificate is not used, and why.
func refusedRenewal(key Key, pos dtab.Pos, served, waiting *certificate, now time.Time) dtab.Finding {
	end := served.leaf.NotAfter.UTC().Format(time.RFC3339)
	f := dtab.Finding{
		Code: codeTLS, Severity: dtab.Warning, Pos: pos,
		Message: fmt.Sprintf("the Secret %s: %s, so that it is not used yet", key, waiting.remark(now)),
		Hint:    "until then the certificate of before is served, which is valid until " + end,
	}
	if validity.Over(waiting.leaf, now) {
		f.Message = fmt.Sprintf("the Secret %s: %s, so that it is not used", key, waiting.remark(now))
		f.Hint = "renew it; the certificate of before goes on being served, which is valid until " + end
	}
	return f
}
