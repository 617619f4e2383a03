package dtab

// Path is a name: a list of segments. A nil Path is "/", the empty name.
// Segments are byte strings, compared byte by byte (so letter case counts),
// and never empty.
type Path []string

// ParsePath reads a path such as "/svc/world". White space and comments may
// stand before it and after it. The error is a *SyntaxError.
func ParsePath(text string) (Path, error) {
	return whole(parser{text: text}, (*parser).path)
}

// String gives the canonical text: segments joined by "/". A segment with a
// byte that is not a label character is written with all its bytes as \xNN, as
// Finagle's Path.show does.
func (p Path) String() string {
	if len(p) == 0 {
		return "/"
	}
	n := 0
	for _, segment := range p {
		n += 1 + len(segment)
	}
	return string(appendPath(make([]byte, 0, n), p))
}

// HasPrefix tells whether the first segments of p are those of q.
func (p Path) HasPrefix(q Path) bool {
	if len(q) > len(p) {
		return false
	}
	for i, segment := range q {
		if p[i] != segment {
			return false
		}
	}
	return true
}

// Equal tells whether p and q have the same segments.
func (p Path) Equal(q Path) bool { return len(p) == len(q) && p.HasPrefix(q) }

// Join gives a new path of p's segments followed by those of rest. It shares no
// memory with either.
func (p Path) Join(rest ...string) Path {
	if len(p)+len(rest) == 0 {
		return nil
	}
	joined := make(Path, 0, len(p)+len(rest))
	return append(append(joined, p...), rest...)
}

// set makes the segments of p those of start and then rest.
func (p Path) set(start, rest Path) {
	// Paths are short: one by one is faster than copy.
	for i, segment := range start { //nolint:staticcheck // as the line above says
		p[i] = segment
	}
	p = p[len(start):]
	for i, segment := range rest { //nolint:staticcheck // the same
		p[i] = segment
	}
}

func appendPath(b []byte, p Path) []byte {
	if len(p) == 0 {
		return append(b, '/')
	}
	for _, segment := range p {
		b = append(b, '/')
		b = appendLabel(b, segment)
	}
	return b
}

func appendLabel(b []byte, label string) []byte {
	if label != "" && !isLabel(label) {
		return appendEscaped(b, label)
	}
	return append(b, label...)
}

func appendEscaped(b []byte, label string) []byte {
	const digits = "0123456789abcdef"
	for i := 0; i < len(label); i++ {
		b = append(b, '\\', 'x', digits[label[i]>>4], digits[label[i]&0xf])
	}
	return b
}

// isLabel tells whether a segment is written as it is.
func isLabel(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isLabelChar(s[i]) {
			return false
		}
	}
	return s != ""
}

// The bytes that may stand in a label without an escape, as bits: digits and other
// characters below 64, and letters and "_" from there. A host has no "#", "$" and "%".
const (
	labelChars   = hostChars | 1<<'#' | 1<<'$' | 1<<'%'
	hostChars    = (1<<11-1)<<'0' | 1<<'-' | 1<<'.'
	labelLetters = (1<<26-1)<<('A'-64) | (1<<26-1)<<('a'-64) | 1<<('_'-64)
)

// isLabelChar tells whether a byte may stand in a label without an escape.
func isLabelChar(c byte) bool {
	return (uint64(labelChars)>>c|uint64(labelLetters)>>(c-64))&1 != 0
}

// isHostChar tells whether a byte may stand in the original's coarse idea of a host
// name or address.
func isHostChar(c byte) bool {
	return (uint64(hostChars)>>c|uint64(labelLetters)>>(c-64))&1 != 0
}
