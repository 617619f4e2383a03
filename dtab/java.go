package dtab

import (
	"strings"
	"unicode/utf8"
)

// javaString gives what is left of a segment that passes through a Java String:
// what is not UTF-8 becomes U+FFFD, once for each of the longest pieces that
// begin a character (Unicode's "maximal subparts").
func javaString(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			size = subpart(s)
		}
		b.WriteRune(r)
		s = s[size:]
	}
	return b.String()
}

// javaPath gives a path whose segments pass through Java Strings; the path
// itself where nothing changes.
func javaPath(p Path) Path {
	for i, segment := range p {
		if !utf8.ValidString(segment) {
			p = p.Join()
			for j := i; j < len(p); j++ {
				p[j] = javaString(p[j])
			}
			break
		}
	}
	return p
}

// subpart gives how many of the first bytes begin a character that then is not
// finished; 1 if none do.
func subpart(s string) int {
	need, low, high := 0, byte(0x80), byte(0xbf)
	switch c := s[0]; {
	case 0xc2 <= c && c <= 0xdf:
		need = 1
	case c == 0xe0:
		need, low = 2, 0xa0
	case c == 0xed:
		need, high = 2, 0x9f
	case 0xe1 <= c && c <= 0xef:
		need = 2
	case c == 0xf0:
		need, low = 3, 0x90
	case c == 0xf4:
		need, high = 3, 0x8f
	case 0xf1 <= c && c <= 0xf3:
		need = 3
	}
	n := 1
	for n <= need && n < len(s) && low <= s[n] && s[n] <= high {
		n, low, high = n+1, 0x80, 0xbf
	}
	return n
}

// notAPath is the original's exception for a text that does not parse.
func notAPath(err error) *BindError {
	message := err.Error()
	if syntax, ok := err.(*SyntaxError); ok { //nolint:errorlint // ParsePath gives no other
		message = syntax.Upstream()
	}
	return &BindError{Kind: ErrRequirement, Message: message}
}
