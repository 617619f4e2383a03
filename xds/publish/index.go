package publish

import (
	"iter"
	"math/bits"

	"kibble.dev/translate"
)

// index numbers the names of one type that proxies of a class have or ask for.
// Most of them have the same thousands of names: by number they are an array for
// each proxy, where maps of names would be what a control plane mostly consists of.
// A number is given to another name when nobody holds it any more.
type index struct {
	numbers map[string]int
	names   []string // by number; "" where nobody holds it
	holders []int    // how many hold it
	free    []int
}

func newIndex() *index { return &index{numbers: map[string]int{}} }

// find gives the number of a name, -1 if it has none.
func (x *index) find(name string) int {
	if n, ok := x.numbers[name]; ok {
		return n
	}
	return -1
}

// hold gives the number of a name, which keeps it until it is released as often.
func (x *index) hold(name string) int {
	n, ok := x.numbers[name]
	switch {
	case ok:
	case len(x.free) > 0:
		n = x.free[len(x.free)-1]
		x.free = x.free[:len(x.free)-1]
		x.names[n], x.numbers[name] = name, n
	default:
		n = len(x.names)
		x.names, x.holders = append(x.names, name), append(x.holders, 0)
		x.numbers[name] = n
	}
	x.holders[n]++
	return n
}

func (x *index) release(n int) {
	if x.holders[n]--; x.holders[n] == 0 {
		delete(x.numbers, x.names[n])
		x.names[n] = ""
		x.free = append(x.free, n)
	}
}

// nameSet is a set of names of one type.
type nameSet struct {
	*index
	words []uint64 // a bit for each number
	size  int
}

func (s *nameSet) has(name string) bool {
	n := s.find(name)
	return n >= 0 && n/64 < len(s.words) && s.words[n/64]&(1<<(n%64)) != 0
}

// add adds a name, and gives it as the index has it: so that the text that
// somebody sent need not be kept.
func (s *nameSet) add(name string) string {
	if s.has(name) {
		return s.names[s.find(name)]
	}
	n := s.hold(name)
	for n/64 >= len(s.words) {
		s.words = append(s.words, 0)
	}
	s.words[n/64] |= 1 << (n % 64)
	s.size++
	return s.names[n]
}

func (s *nameSet) drop(name string) {
	if s.has(name) {
		n := s.find(name)
		s.words[n/64] &^= 1 << (n % 64)
		s.size--
		s.release(n)
	}
}

// all gives the names, in no order that means anything. The set may be changed
// meanwhile.
func (s *nameSet) all() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range s.words {
			for w := s.words[i]; w != 0; w &= w - 1 {
				if n := i*64 + bits.TrailingZeros64(w); s.words[i]&(1<<(n%64)) != 0 && !yield(s.names[n]) {
					return
				}
			}
		}
	}
}

// resourceSet holds resources of one type by name: few of many names in a map,
// many in an array.
type resourceSet struct {
	*index
	few  map[int]*translate.Resource
	many []*translate.Resource // nil: few counts
	size int
}

// Where a resourceSet becomes an array: an eighth of all names are in it. A map
// takes about as much for each.
const (
	sparse   = 8
	smallest = 32 // names of all proxies below which that does not matter
)

func (s *resourceSet) get(name string) *translate.Resource {
	if n := s.find(name); n >= 0 {
		return s.at(n)
	}
	return nil
}

func (s *resourceSet) at(n int) *translate.Resource {
	switch {
	case s.many == nil:
		return s.few[n]
	case n < len(s.many):
		return s.many[n]
	}
	return nil
}

// set puts a resource under its name; nil takes away what is there.
func (s *resourceSet) set(name string, r *translate.Resource) {
	n, was := s.find(name), (*translate.Resource)(nil)
	if n >= 0 {
		was = s.at(n)
	}
	switch {
	case r == nil && was == nil:
		return
	case r == nil:
		s.put(n, nil)
		s.size--
		s.release(n)
		if s.size == 0 {
			s.few, s.many = nil, nil
		}
		return
	case was == nil:
		n = s.hold(name)
		s.size++
		s.reform()
	}
	s.put(n, r)
}

func (s *resourceSet) drop(name string) { s.set(name, nil) }

func (s *resourceSet) put(n int, r *translate.Resource) {
	switch {
	case s.many != nil:
		for n >= len(s.many) {
			s.many = append(s.many, nil)
		}
		s.many[n] = r
	case r == nil:
		delete(s.few, n)
	default:
		if s.few == nil {
			s.few = map[int]*translate.Resource{}
		}
		s.few[n] = r
	}
}

// reform makes an array of a map, or a map of an array, where that is smaller.
func (s *resourceSet) reform() {
	all := len(s.names)
	switch {
	case s.many == nil && all >= smallest && s.size*sparse >= all:
		s.many = make([]*translate.Resource, all, all+all/sparse)
		for n, r := range s.few {
			s.many[n] = r
		}
		s.few = nil
	case s.many != nil && s.size*sparse*4 < all:
		s.few = make(map[int]*translate.Resource, s.size)
		for n, r := range s.many {
			if r != nil {
				s.few[n] = r
			}
		}
		s.many = nil
	}
}

// all gives the resources by name, in no order that means anything. What was
// given may be replaced or dropped meanwhile.
func (s *resourceSet) all() iter.Seq2[string, *translate.Resource] {
	return func(yield func(string, *translate.Resource) bool) {
		if s.many == nil {
			for n, r := range s.few {
				if !yield(s.names[n], r) {
					return
				}
			}
			return
		}
		for n, r := range s.many {
			if r != nil && !yield(s.names[n], r) {
				return
			}
		}
	}
}

// clear lets go of everything.
func (s *resourceSet) clear() {
	for name := range s.all() {
		s.drop(name)
	}
}

func (s *nameSet) clear() {
	for name := range s.all() {
		s.drop(name)
	}
}
