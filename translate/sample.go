package translate

import (
	"slices"
	"strconv"
	"strings"
)

// marks are texts that occur in no table and no inventory. A segment that
// contains one was made from the unknown part of a request.
type marks struct {
	text   string // lower-case letters, begins every mark but those of ports and methods
	method string // upper-case letters only, as methods are
	port   string // digits only, as ports are
	words  map[string]bool
}

// newMarks makes marks that do not occur in the given text. Only with spells can
// literals be spelled.
func newMarks(spells bool, texts ...string) marks {
	free := func(mark, more string) string {
		for slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(t, mark) }) {
			mark += more
		}
		return mark
	}
	m := marks{text: free("kibq", "q"), method: free("KIBQ", "Q"), port: free("61417", "7")}
	if spells {
		m.words = words(texts)
	}
	return m
}

// spelling gives a literal in letters of a case in which no table has it: it
// stands for all spellings but those that a table names. Where every one is
// named, each has a region of its own, and this one does not matter. All
// capitals come last, since they could pass for a method.
func (m marks) spelling(literal string) string {
	if !m.words[literal] {
		return literal
	}
	upper, lower := strings.ToUpper(literal), strings.ToLower(literal)
	for i := 1; i < len(literal); i++ {
		for _, spelled := range []string{lower[:i] + upper[i:], upper[:i] + lower[i:]} {
			if !m.words[spelled] {
				return spelled
			}
		}
	}
	if m.words[upper] {
		return literal
	}
	return upper
}

// words are the labels that occur in texts.
func words(texts []string) map[string]bool {
	all := map[string]bool{}
	for _, t := range texts {
		for _, w := range strings.FieldsFunc(t, func(r rune) bool { return strings.ContainsRune("/.:;|&()=> \n\t", r) }) {
			all[w] = true
		}
	}
	return all
}

// at gives the mark of an atom of a variable.
func (m marks) at(v, i int) string {
	return m.text + strconv.Itoa(v) + "x" + strconv.Itoa(i) + "z"
}

// in tells whether a segment holds a mark.
func (m marks) in(segment string) bool {
	return strings.Contains(segment, m.text) || strings.Contains(segment, m.method) ||
		strings.Contains(segment, m.port)
}

// sample is a request that stands for all of a region: literal where the region
// is, and marked where it is not.
type sample struct {
	region region
	vars   []variable
	marks  marks
	values [][]string // the segments that each variable gives
}

func newSample(r region, vars []variable, m marks) *sample {
	s := &sample{region: r, vars: vars, marks: m, values: make([][]string, len(vars))}
	for i, v := range vars {
		p := r.parts[i]
		var labels []string
		for j, a := range p.atoms {
			labels = append(labels, s.text(i, j, a))
		}
		if p.open {
			labels = append(labels, s.text(i, len(p.atoms), atom{}))
		}
		if !v.dotted() {
			s.values[i] = labels
			continue
		}
		slices.Reverse(labels)
		host := strings.Join(labels, ".")
		if p.port != nil {
			host += ":" + s.portText(*p.port)
		}
		s.values[i] = []string{host}
	}
	return s
}

func (s *sample) text(v, i int, a atom) string {
	switch {
	case a.fold:
		return s.marks.spelling(a.lit)
	case !a.any():
		return a.lit
	case s.vars[v] == methodVar:
		return s.marks.method
	}
	return a.pre + s.marks.at(v, i) + a.post
}

func (s *sample) portText(a atom) string {
	if a.any() {
		return s.marks.port
	}
	return a.lit
}

// host gives the sample's text of a dotted variable.
func (s *sample) host(v int) string { return s.values[v][0] }

// extra gives the mark of the atom that stands for "at least one more" of an
// open variable, or "".
func (s *sample) extra(v int) string {
	if p := s.region.parts[v]; p.open {
		return s.marks.at(v, len(p.atoms))
	}
	return ""
}

// owner gives the variable whose mark is in a segment, and the mark; -1 if none is.
func (s *sample) owner(segment string) (int, string) {
	for v := range s.vars {
		p := s.region.parts[v]
		n := len(p.atoms)
		if p.open {
			n++
		}
		for i := range n {
			if i < len(p.atoms) && !p.atoms[i].any() {
				continue
			}
			mark := s.marks.at(v, i)
			if s.vars[v] == methodVar {
				mark = s.marks.method
			}
			if strings.Contains(segment, mark) {
				return v, mark
			}
		}
		if p.port != nil && p.port.any() && strings.Contains(segment, s.marks.port) {
			return v, s.marks.port
		}
	}
	return -1, ""
}

// flip gives the regions in which a segment that holds a mark is the given
// literal instead. It is how a comparison that the evaluation made, and that
// came out as unequal, is turned round. With fold the literal stands for every
// spelling in upper and lower case.
func (s *sample) flip(segment, literal string, fold bool) []region {
	v, mark := s.owner(segment)
	if v < 0 || literal == "" {
		return nil
	}
	if s.vars[v] == methodVar {
		return s.set(v, pattern{atoms: []atom{{lit: literal}}})
	}
	if s.vars[v].dotted() {
		if host := s.host(v); strings.Contains(host, segment) {
			return s.parse(v, strings.Replace(host, segment, literal, 1), segment == s.extra(v), fold)
		}
	} else if i := slices.Index(s.values[v], segment); i >= 0 {
		return s.replace(v, i, literal, fold)
	}
	// A rule wrote text around the mark: solve for the mark.
	pre, post, _ := strings.Cut(segment, mark)
	if segment == mark || len(literal) <= len(pre)+len(post) ||
		!strings.HasPrefix(literal, pre) || !strings.HasSuffix(literal, post) {
		return nil
	}
	return s.flip(mark, literal[len(pre):len(literal)-len(post)], fold)
}

// replace gives the regions with segment i of a path variable made literal.
func (s *sample) replace(v, i int, literal string, fold bool) []region {
	p := s.region.parts[v]
	atoms := slices.Clone(p.atoms)
	one := atom{lit: literal, fold: fold && hasCase(literal)}
	if i < len(atoms) {
		atoms[i] = one
		return s.set(v, pattern{atoms: atoms, open: p.open})
	}
	atoms = append(atoms, one)
	return append(s.set(v, pattern{atoms: atoms}), s.set(v, pattern{atoms: atoms, open: true})...)
}

// spelled gives the regions in which a literal of any spelling that an answer
// shows is the one of the literal itself: where DNS is asked, that is the name
// to ask for.
func (s *sample) spelled(answer string) []region {
	var found []region
	for v, p := range s.region.parts {
		for i, a := range p.atoms {
			if !a.fold {
				continue
			}
			if text := s.marks.spelling(a.lit); text != a.lit && strings.Contains(answer, text) {
				atoms := slices.Clone(p.atoms)
				atoms[i].fold = false
				found = append(found, s.set(v, pattern{atoms: atoms, open: p.open, port: p.port})...)
			}
		}
	}
	return found
}

// label gives the atom of a literal label: one that the region has in any
// spelling stays so.
func (s *sample) label(v int, text string, fold bool) atom {
	for _, a := range s.region.parts[v].atoms {
		if a.fold && s.marks.spelling(a.lit) == text {
			return a
		}
	}
	return atom{lit: text, fold: fold && s.vars[v] != hostVar && hasCase(text)}
}

func hasCase(s string) bool { return strings.ToLower(s) != strings.ToUpper(s) }

// parse gives the regions that a host with marks stands for. With both, it
// stands for the hosts below it too. With fold every spelling of a header's value counts;
// hosts are in lower case anyway.
func (s *sample) parse(v int, host string, both, fold bool) []region {
	var port *atom
	if s.region.parts[v].port != nil {
		i := strings.LastIndexByte(host, ':')
		if i < 0 {
			return nil
		}
		port = &atom{lit: host[i+1:]}
		host = host[:i]
		if port.lit == s.marks.port {
			port.lit = ""
		}
	}
	if !s.shaped(v, host, port) {
		return nil
	}
	labels := strings.Split(host, ".")
	slices.Reverse(labels)
	open := false
	if extra := s.extra(v); extra != "" && labels[len(labels)-1] == extra {
		labels, open = labels[:len(labels)-1], true
	}
	atoms := make([]atom, len(labels))
	for i, l := range labels {
		atoms[i] = s.label(v, l, fold)
		if j := strings.Index(l, s.marks.text); j >= 0 {
			k := j + strings.IndexByte(l[j:], 'z') + 1
			atoms[i] = atom{pre: l[:j], post: l[k:]}
		}
	}
	found := s.set(v, pattern{atoms: atoms, open: open, port: port})
	if both && !open && !strings.HasPrefix(host, "[") { // there is nothing below an address
		found = append(found, s.set(v, pattern{atoms: atoms, open: true, port: port})...)
	}
	return found
}

// shaped tells whether requests can carry such a value at all.
func (s *sample) shaped(v int, host string, port *atom) bool {
	if s.vars[v] != hostVar {
		return tokenShape.MatchString(host)
	}
	if port != nil && !port.any() {
		host += ":" + port.lit
	}
	behind := host[strings.LastIndexByte(host, ']')+1:] // an IPv6 address has colons of its own
	return hostPortShape.MatchString(host) && host == strings.ToLower(host) &&
		strings.Contains(behind, ":") == (port != nil && !port.any())
}

func (s *sample) set(v int, p pattern) []region { return []region{s.region.with(v, p)} }

// split gives the two parts of an open variable: those values that have just
// the one more atom that the sample has, and those with still more.
func (s *sample) split(v int) []region {
	p := s.region.parts[v]
	if !p.open || len(p.atoms) >= maxAtoms {
		return nil
	}
	atoms := append(slices.Clone(p.atoms), atom{})
	return append(s.set(v, pattern{atoms: atoms, port: p.port}),
		s.set(v, pattern{atoms: atoms, open: true, port: p.port})...)
}

// maxAtoms bounds how many labels or segments are told apart. DNS names have
// at most 127 labels; hosts with a handful are what tables tell apart.
const maxAtoms = 8
