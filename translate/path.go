package translate

import (
	"strconv"
	"strings"
)

// cleanPath gives the path of a URL as an untrusted router reads it, which is
// what guardClients has Envoy do before anything looks at the path: escapes of
// letters, digits and "-._~" are written out, what no path may hold is escaped,
// "." and ".." are followed (also with parameters: "..;x"), backslashes are
// slashes, and slashes that follow one another are one. The query stays as it is.
//
// Where a slash or backslash is escaped, Envoy sends the client to the clean
// path: redirect says so. It is not ok where the answer is 400.
func cleanPath(path string) (clean string, redirect, ok bool) {
	path, query, asked := strings.Cut(path, "?")
	if asked {
		query = "?" + query
	}
	if !strings.HasPrefix(path, "/") || strings.Contains(path+query, "#") || strings.Contains(path, "%00") {
		return "", false, false
	}
	plain := escapedSlashes().Replace(path)
	clean = followDots(spellOut(plain))
	if strings.Contains(clean, "//") {
		clean = mergeSlashes(clean)
	}
	return clean + query, plain != path, true
}

func escapedSlashes() *strings.Replacer {
	return strings.NewReplacer("%2f", "/", "%2F", "/", "%5c", `\`, "%5C", `\`)
}

// spellOut writes each character as a path has it, and slashes for backslashes.
func spellOut(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\':
			b.WriteByte('/')
		case c == '%' && i+2 < len(path):
			d, err := strconv.ParseUint(path[i+1:i+3], 16, 8)
			if err != nil || !unreserved(byte(d)) {
				b.WriteByte(c) // what follows is written as it is
				continue
			}
			b.WriteByte(byte(d))
			i += 2
		case strings.IndexByte("\"<>`{}|^", c) >= 0:
			const hex = "0123456789ABCDEF"
			b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// followDots takes segments "." and ".." out, with what the latter lead out of.
func followDots(path string) string {
	var kept []string
	segments := strings.Split(path[1:], "/")
	for i, s := range segments {
		name, _, _ := strings.Cut(s, ";")
		last := i == len(segments)-1
		switch name {
		case ".", "..":
			if name == ".." && len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, s)
		}
	}
	return "/" + strings.Join(kept, "/")
}

// mergeSlashes leaves one of slashes that follow one another; of a path that is
// nothing but slashes, two.
func mergeSlashes(path string) string {
	merged := "/" + strings.Join(strings.FieldsFunc(path, func(c rune) bool { return c == '/' }), "/")
	if strings.HasSuffix(path, "/") {
		merged += "/"
	}
	return merged
}

// unreserved are the characters that mean the same escaped or not (RFC 3986, 2.3).
func unreserved(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("-._~", c) >= 0
}
