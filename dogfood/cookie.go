package dogfood

import "strings"

// maxCookieValue is where Envoy's header_to_metadata filter stops looking at a value.
const maxCookieValue = 8 << 10

// cookieValue finds a cookie as Envoy does (header_to_metadata, in its words
// Http::Utility::parseCookieValue): through all Cookie lines, the first of that
// name; names are case-sensitive; blanks before a name are skipped, nothing
// else is; a pair of double quotes around the value is taken off. An empty
// value, or one of 8 KiB and more, is no cookie.
func cookieValue(lines []string, name string) (string, bool) {
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			key, value, ok := strings.Cut(pair, "=")
			if !ok || strings.TrimLeft(key, " ") != name {
				continue
			}
			if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1]
			}
			return value, value != "" && len(value) < maxCookieValue
		}
	}
	return "", false
}
