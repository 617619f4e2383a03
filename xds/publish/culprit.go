package publish

import "strings"

// blamed gives those of the resources that the proxy's words name as refused.
// Envoy does so for listeners, clusters and scoped routes:
//
//	Error adding/updating cluster(s) a: why, b: why
//
// Names and reasons may hold any character, so the names are looked for, not
// read out.
func blamed(words string, sent []flown) (culprits []flown) {
	_, list, ok := strings.Cut(words, "(s) ")
	if !ok {
		return nil
	}
	for _, f := range sent {
		entry := f.name + ": "
		if strings.HasPrefix(list, entry) || strings.Contains(list, ", "+entry) || strings.Contains(list, "\n"+entry) {
			culprits = append(culprits, f)
		}
	}
	return culprits
}

// mentions says that the words hold a name as a word of its own. That is no
// proof, but a reason to try that name alone.
func mentions(words, name string) bool {
	for i := 0; ; {
		at := strings.Index(words[i:], name)
		if at < 0 {
			return false
		}
		from, to := i+at, i+at+len(name)
		if (from == 0 || !nameByte(words[from-1])) && (to == len(words) || !nameByte(words[to])) {
			return true
		}
		i = from + 1
	}
}

// nameByte says that a byte can be in the middle of a name.
func nameByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("_-/#%.", b) >= 0
}
