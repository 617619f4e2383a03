package dtab

// isLower tells of a text that it is ASCII without upper case. It is asked of all
// that a namer is asked for, so it looks at eight bytes at once.
func isLower(s string) bool {
	n := len(s)
	switch {
	case n >= 8:
		for i := 0; i < n-8; i += 8 {
			if !areLower(four(s[i:]) | four(s[i+4:])<<32) {
				return false
			}
		}
		return areLower(four(s[n-8:]) | four(s[n-4:])<<32)
	case n >= 4:
		return areLower(four(s) | four(s[n-4:])<<32)
	}
	var bytes uint64
	for i := range n {
		bytes = bytes<<8 | uint64(s[i])
	}
	return areLower(bytes)
}

// four gives the first four bytes of a text.
func four(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

// areLower tells of eight bytes that all are ASCII and not upper case. Where all are
// ASCII, no sum carries into the next byte.
func areLower(bytes uint64) bool {
	const (
		each = 0x01_01_01_01_01_01_01_01
		high = each * 0x80
	)
	fromA, afterZ := bytes+each*(0x80-'A'), bytes+each*(0x80-'Z'-1)
	return (bytes|fromA&^afterZ)&high == 0
}
