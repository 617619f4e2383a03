package dtab

import "encoding/binary"

const (
	// memoAfter is how many look-ups a binding does before it starts to
	// remember answers. Ordinary names never get there.
	memoAfter = 48
	// maxMemories is how many answers are remembered. If they were of little
	// use by then, names that are never met again among them, the binding goes
	// on without memory.
	maxMemories = 1 << 13
	// maxKey is how many bytes a name may have to be remembered.
	maxKey = 1 << 12
)

// memo remembers the answers of one binding, for tables whose branches meet the
// same names again and again.
//
// An answer depends on the path and, because of the depth limit, on the depth.
// One that met the limit holds for the same depth only; any other holds
// wherever what it needed below fits.
type memo struct {
	lookups int
	known   map[string][]memory
	stored  int
	used    int
	key     []byte

	// deepest is the greatest depth of any tree since the look-up began that is
	// being remembered, and cut tells whether the limit was met.
	deepest int
	cut     bool
}

type memory struct {
	answer  answer
	err     *BindError
	thrown  bool
	work    int // look-ups without memory
	depth   int
	deepest int
	cut     bool
}

// remembers tells whether answers are remembered by now.
func (m *memo) remembers() bool {
	m.lookups++
	return m.lookups > memoAfter && (m.stored < maxMemories || m.used > maxMemories/4)
}

// remembered gives the remembered answer, or finds and remembers it.
func (b *binder) remembered(path Path, from *start, depth int) (answer, *BindError) {
	if b.key = appendKey(b.key[:0], path); len(b.key) > maxKey {
		return b.lookUp(path, from, depth, true)
	}
	for _, m := range b.known[string(b.key)] {
		if deepest, ok := m.holds(depth); ok {
			b.used++
			if err := b.repeat(m.work - 1); err != nil {
				return answer{}, err
			}
			b.deepest = max(b.deepest, deepest)
			b.cut = b.cut || m.cut
			b.thrown = m.thrown
			return m.answer, m.err
		}
	}
	key := string(b.key)
	deepest, cut, original := b.deepest, b.cut, b.original
	b.deepest, b.cut = depth, false
	found, err := b.lookUp(path, from, depth, true)
	b.store(key, memory{
		answer: found, err: err, thrown: b.thrown, work: original - b.original + 1,
		depth: depth, deepest: b.deepest, cut: b.cut,
	})
	b.deepest = max(b.deepest, deepest)
	b.cut = b.cut || cut
	return found, err
}

func (m *memo) store(key string, what memory) {
	if m.stored == maxMemories {
		return
	}
	if m.known == nil {
		m.known = map[string][]memory{}
	}
	m.known[key] = append(m.known[key], what)
	m.stored++
}

// holds tells whether the answer holds at a depth too, and how deep it then
// reaches.
func (m *memory) holds(depth int) (deepest int, ok bool) {
	if depth == m.depth {
		return m.deepest, true
	}
	deepest = m.deepest - m.depth + depth
	return deepest, !m.cut && deepest <= maxDepth
}

// appendKey writes a path so that different paths differ. It stops soon after
// maxKey.
func appendKey(key []byte, path Path) []byte {
	for _, segment := range path {
		if len(key)+len(segment) > maxKey {
			return append(key, make([]byte, maxKey)...)
		}
		key = binary.AppendUvarint(key, uint64(len(segment)))
		key = append(key, segment...)
	}
	return key
}
